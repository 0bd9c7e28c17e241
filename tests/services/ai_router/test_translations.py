"""What exactly Anthropic, Google and Bedrock are sent for a request in OpenAI's shape."""

import json
from typing import Any

import calls
import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from richesreach.ai_router.model import ProviderError
from richesreach.ai_router.providers import anthropic_shape, bedrock_shape, google_shape
from richesreach.ai_router.providers.signing import Signer

PNG = "data:image/png;base64,iVBORw0KGgo="
CALLED = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
    "extra_content": {"google": {"thought_signature": "c2ln"}},
}
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "In English."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": PNG}}],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    {"role": "user", "content": "thanks"},
]
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "of a city", "parameters": {"type": "object"}},
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "weather"}}


def anthropic(messages: Any = None, **members: Any) -> Any:
    return json.loads(anthropic_shape.request_body("anthropic", calls.call(messages, **members)))


def google(messages: Any = None, **members: Any) -> Any:
    return json.loads(google_shape.request_body("google", calls.call(messages, **members)))


def bedrock(messages: Any = None, *, features: frozenset[str] = frozenset(), **members: Any) -> Any:
    call = msgspec.structs.replace(calls.call(messages, **members), model=calls.model(features=features))
    return json.loads(bedrock_shape.request_body("bedrock", call))


def test_a_talk_as_anthropic_takes_it() -> None:
    sent = anthropic(TALK, tools=[TOOL], max_completion_tokens=9, temperature=1.7, stop="END", user="u")
    assert sent == {
        "model": "m",
        "max_tokens": 9,
        "system": "Be brief.\n\nIn English.",
        "temperature": 1.0,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "tools": [{"name": "weather", "description": "of a city", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}}
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                    {"type": "text", "text": "thanks"},
                ],
            },
        ],
    }


def test_a_talk_as_google_takes_it() -> None:
    sent = google(TALK, tools=[TOOL], max_tokens=9, seed=3, top_p=0.5)
    assert sent == {
        "systemInstruction": {"parts": [{"text": "Be brief.\n\nIn English."}]},
        "generationConfig": {"maxOutputTokens": 9, "seed": 3, "topP": 0.5},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "of a city",
                        "parametersJsonSchema": {"type": "object"},
                    }
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "look"},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {
                        "functionCall": {"name": "weather", "args": {"city": "Oslo"}},
                        "thoughtSignature": "c2ln",
                    }
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "weather", "response": {"result": "sunny"}}},
                    {"text": "thanks"},
                ],
            },
        ],
    }


def test_a_talk_as_bedrock_takes_it() -> None:
    sent = bedrock(TALK, tools=[TOOL], max_tokens=9)
    assert sent["system"] == [{"text": "Be brief.\n\nIn English."}]
    assert sent["inferenceConfig"] == {"maxTokens": 9}
    spec = {"name": "weather", "inputSchema": {"json": {"type": "object"}}, "description": "of a city"}
    assert sent["toolConfig"] == {"tools": [{"toolSpec": spec}], "toolChoice": {"auto": {}}}
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    image = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
    assert sent["messages"][0]["content"] == [{"text": "look"}, image]
    use = {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Oslo"}}}
    assert sent["messages"][1]["content"] == [use]
    result = {"toolResult": {"toolUseId": "call_1", "content": [{"text": "sunny"}]}}
    assert sent["messages"][2]["content"] == [result, {"text": "thanks"}]


@pytest.mark.parametrize(
    ("choice", "theirs"),
    [
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        (NAMED, {"type": "tool", "name": "weather"}),
    ],
)
def test_a_choice_of_tools_as_anthropic_takes_it(choice: object, theirs: object) -> None:
    assert anthropic(tools=[TOOL], tool_choice=choice)["tool_choice"] == theirs


@pytest.mark.parametrize(
    ("choice", "theirs"),
    [
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (NAMED, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_a_choice_of_tools_as_google_takes_it(choice: object, theirs: object) -> None:
    sent = google(tools=[TOOL], tool_choice=choice)
    assert sent["toolConfig"]["functionCallingConfig"] == theirs


def test_bedrock_has_no_word_for_no_tool_so_that_it_gets_none() -> None:
    assert "toolConfig" not in bedrock(tools=[TOOL], tool_choice="none")


def test_a_schema_is_each_providers_own_member() -> None:
    form = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert anthropic(response_format=SCHEMA)["output_config"] == form
    assert google(response_format=SCHEMA)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }
    told = {"schema": '{"type":"object"}', "name": "s"}
    sent = bedrock(response_format=SCHEMA, features=frozenset({"json_schema"}))
    assert sent["outputConfig"] == {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": told}}}


def test_a_model_of_bedrock_that_knows_no_schema_is_not_asked_for_one() -> None:
    with pytest.raises(ProviderError, match="json_schema with asked"):
        bedrock(response_format=SCHEMA)


def test_json_mode_is_asked_for_in_words_where_there_is_no_other_way() -> None:
    assert "JSON" in anthropic(response_format={"type": "json_object"})["system"]
    assert "JSON" in bedrock(response_format={"type": "json_object"})["system"][0]["text"]


def test_one_tool_at_a_time_is_told_to_anthropic() -> None:
    sent = anthropic(tools=[TOOL], parallel_tool_calls=False)
    assert sent["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


@pytest.mark.parametrize("shape", [anthropic, google, bedrock])
def test_arguments_that_are_no_json_are_refused(shape: Any) -> None:
    broken = {**CALLED, "function": {"name": "weather", "arguments": "{oops"}}
    messages = [{"role": "assistant", "tool_calls": [broken]}]
    with pytest.raises(ProviderError, match="arguments"):
        shape(messages)


@pytest.mark.parametrize("shape", [anthropic, google, bedrock])
def test_a_part_that_nobody_knows_is_refused(shape: Any) -> None:
    with pytest.raises(ProviderError, match="hologram"):
        shape([{"role": "user", "content": [{"type": "hologram", "x": 1}]}])


@pytest.mark.parametrize("body", [b"{}", b'{"a":1}'])
async def test_a_request_is_signed_as_aws_verifies_it(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    url = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a.b%3A0/converse"
    headers = await Signer("bedrock", "eu-west-1").headers(url, body, "", "request-1")
    assert headers["x-amz-security-token"] == "token"
    assert "Credential=AKIAIOSFODNN7EXAMPLE/" in headers["authorization"]
    given = {"content-type": "application/json", "x-request-id": "request-1"}
    again = AWSRequest("POST", url, headers=given, data=body)
    signer = SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", "secret", "token"), "bedrock", "eu-west-1")
    again.context["timestamp"] = headers["x-amz-date"]
    again.headers["X-Amz-Date"], again.headers["X-Amz-Security-Token"] = headers["x-amz-date"], "token"
    canonical = signer.canonical_request(again)
    assert "/model/a.b%253A0/converse" in canonical
    assert signer.signature(signer.string_to_sign(again, canonical), again) in headers["authorization"]


async def test_a_bedrock_api_key_is_a_bearer_token() -> None:
    headers = await Signer("bedrock", "eu-west-1").headers("https://x", b"", "ABSK-key", "request-1")
    assert headers["authorization"] == "Bearer ABSK-key"


async def test_without_credentials_the_key_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ProviderError, match="no AWS credentials"):
        await Signer("bedrock", "eu-west-1").headers("https://x", b"", "", "request-1")
