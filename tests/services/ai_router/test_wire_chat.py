"""What is read of a chat request, what passes through unharmed, and what is refused with its name."""

import msgspec
import pytest
from richesreach.ai_router.wire.chat import ChatRequest, read_response
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.ai_router.wire.errors import RequestError

HELLO = b'{"model":"auto","messages":[{"role":"user","content":"hello"}]%s}'


def refused(body: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        ChatRequest.read(body)
    return caught.value


def test_members_that_nobody_knows_pass_through_byte_for_byte() -> None:
    unknown = b',"newer":{"z":1.50,"a":[12345678901234567890123,"\\u00e9"]}'
    sent = ChatRequest.read(HELLO % unknown).body_for("gpt-4o")
    assert sent == HELLO.replace(b"auto", b"gpt-4o") % unknown


def test_images_tools_and_json_mode_pass_through_byte_for_byte() -> None:
    image = b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","newer":1}}'
    content = b'[%s,{"type":"new","x":2}]' % image
    tools = b'[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"newer":true}}]'
    mode = b'{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"},"newer":0}}'
    body = b'{"model":"m","messages":[{"role":"user","content":%s}],"tools":%s,"response_format":%s}'
    assert ChatRequest.read(body % (content, tools, mode)).body_for("m") == body % (content, tools, mode)


def test_options_of_the_router_are_read_and_reach_no_provider() -> None:
    request = ChatRequest.read(HELLO % b',"richesreach":{"strategy":"cheapest","seed":7}')
    assert (request.options.strategy, request.options.seed) == ("cheapest", 7)
    assert b"richesreach" not in request.body_for("m")


def test_an_option_that_does_not_exist_is_refused_by_name() -> None:
    error = refused(HELLO % b',"richesreach":{"stratgy":"cheapest"}')
    assert "stratgy" in error.message
    assert error.param == "richesreach"


def test_a_stream_asks_the_provider_for_its_usage() -> None:
    asked = msgspec.json.decode(ChatRequest.read(HELLO % b',"stream":true').body_for("m"))
    assert asked["stream_options"] == {"include_usage": True}


def test_other_stream_options_stay_beside_the_usage() -> None:
    request = ChatRequest.read(HELLO % b',"stream":true,"stream_options":{"include_obfuscation":false}')
    asked = msgspec.json.decode(request.body_for("m"))
    assert asked["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert not request.tells_usage


def test_messages_can_be_left_out_without_touching_those_that_stay() -> None:
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"a","newer":1.0},{"role":"user","content":"b"}]}'
    )
    request = ChatRequest.read(body)
    shorter = request.with_messages(request.raw_messages()[:1])
    assert shorter.body_for("m") == b'{"model":"m","messages":[{"role":"user","content":"a","newer":1.0}]}'
    assert [message.text() for message in shorter.given.messages] == ["a"]


def test_a_member_is_replaced_or_removed() -> None:
    request = ChatRequest.read(HELLO % b',"max_tokens":9,"seed":1').with_members(max_tokens=5, seed=None)
    assert request.given.output_limit == 5
    assert b"seed" not in request.body_for("m")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages":[{"role":"user","content":"x"}]}', "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[]}', "messages"),
        (b'{"model":"m","messages":[{"content":"x"}]}', "messages[0].role"),
        (b'{"model":"m","messages":[{"role":1}]}', "messages[0].role"),
        (HELLO % b',"temperature":"hot"', "temperature"),
        (HELLO % b',"tools":[{"type":"function"}]', "tools[0].function"),
        (HELLO % b',"tools":[{"type":"function","function":{"name":"a b"}}]', "tools[0].function.name"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str) -> None:
    error = refused(body)
    assert error.param == param
    assert param.partition("[")[0] in error.message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b'"text"', b'{"model":"m",}'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    assert refused(body).status == 400


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        (b'{"type":"array"}', "type"),
        (b'{"type":"object","properties":{"a":{"type":"text"}}}', "properties.a.type"),
        (b'{"type":"object","properties":{"a":{"type":{}}}}', "properties.a.type"),
        (b'{"type":"object","properties":[]}', "properties"),
        (b'{"type":"object","required":"a"}', "required"),
        (b'{"type":"object","anyOf":{}}', "anyOf"),
        (b'{"type":"object","properties":{"a":{"type":"array","items":3}}}', "properties.a.items"),
        (b'{"items":' * 40 + b"{}" + b"}" * 40, "items"),
    ],
)
def test_a_tool_with_an_invalid_schema_is_refused_at_its_place(parameters: bytes, place: str) -> None:
    tools = b',"tools":[{"type":"function","function":{"name":"f","parameters":%s}}]' % parameters
    error = refused(HELLO % tools)
    assert error.code == "invalid_tool"
    assert str(error.param).startswith(f"tools[0].function.parameters.{place}")


def test_two_tools_of_one_name_are_refused() -> None:
    tool = b'{"type":"function","function":{"name":"f"}}'
    assert refused(HELLO % (b',"tools":[%s,%s]' % (tool, tool))).param == "tools[1].function.name"


def test_the_usage_of_an_answer_tells_what_the_provider_had_cached() -> None:
    body = (
        b'{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}],"usage":'
        b'{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}'
    )
    response = read_response(body)
    assert response.usage is not None
    usage = response.usage.usage()
    assert (response.text, usage.input, usage.cached_input, usage.output) == ("hi", 10, 4, 2)


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        (b'"a"', ["a"]),
        (b'["a","b"]', ["a", "b"]),
        (b"[1,2]", [[1, 2]]),
        (b"[[1],[2,3]]", [[1], [2, 3]]),
    ],
)
def test_embeddings_are_asked_for_in_each_of_four_forms(given: bytes, inputs: list[object]) -> None:
    assert EmbedRequest.read(b'{"model":"m","input":%s}' % given).inputs == inputs


@pytest.mark.parametrize("given", [b'""', b"[]", b'["a",1]', b"{}", b"[1.5]"])
def test_inputs_of_no_form_are_refused(given: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        EmbedRequest.read(b'{"model":"m","input":%s}' % given)
    assert caught.value.param is not None
