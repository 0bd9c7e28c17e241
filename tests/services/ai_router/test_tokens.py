"""Tokens: OpenAI's own vocabulary where it is theirs, a calibrated factor where nobody publishes one."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.ai_router.model import Usage
from richesreach.ai_router.routing.asked import Size
from richesreach.ai_router.routing.calibration import PRIORS, Calibration
from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.routing.vocabulary import EMBEDDING
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest

SERVICES = str(Path(__file__).parents[3] / "services")


def request(*messages: dict, **members: object) -> ChatRequest:  # type: ignore[type-arg]
    return ChatRequest.of(messages, **members)


@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [
        ("hello world", 2, 2),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("お誕生日おめでとう", 8, 9),
        ("<|endoftext|>", 7, 7),
        ("", 0, 0),
    ],
)
def test_counts_are_those_of_openais_vocabularies(text: str, o200k: int, cl100k: int) -> None:
    assert Counter().count(text) == (o200k, True)
    assert Counter().count(text, EMBEDDING) == (cl100k, True)


def test_chat_is_counted_with_the_form_of_its_messages() -> None:
    given_request = request(
        {"role": "system", "content": "hello world"}, {"role": "user", "content": "hello"}
    )

    assert Counter().size(given_request.given) == Size(tokens=3 + (3 + 2) + (3 + 1))


def test_vocabularies_are_not_decoded_a_second_time_into_python() -> None:
    script = "import sys; from richesreach.ai_router.routing.tokens import Counter; Counter().warm()"
    script += "; sys.exit('bpe_openai' in sys.modules)"

    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": SERVICES})


def test_all_messages_but_the_last_are_remembered_and_count_the_same() -> None:
    counter = Counter()
    conversation = request(*[{"role": "user", "content": f"What became of share {n}?"} for n in range(3)])
    sizes = [counter.size(conversation.given) for _ in range(2)]
    assert sizes == [Counter().size(conversation.given)] * 2
    assert len(counter._kept) == 2


def test_count_is_remembered_without_the_text() -> None:
    counter = Counter()
    secret = "the secret of the house " * 60
    first = counter.count(secret)

    assert counter.count(secret) == first
    assert "secret" not in repr(vars(counter))


def test_images_are_counted_apart_for_each_model_prices_them_otherwise() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}
    size = Counter().size(
        request({"role": "user", "content": [{"type": "text", "text": "hello"}, image]}).given
    )

    assert size == Size(tokens=3 + 3 + 1, images=1, exact=False)


def test_schema_of_a_tool_counts_and_makes_the_size_an_estimate() -> None:
    tool = {
        "type": "function",
        "function": {"name": "price", "parameters": {"type": "object", "properties": {}}},
    }
    plain = Counter().size(request({"role": "user", "content": "hello"}).given)
    size = Counter().size(request({"role": "user", "content": "hello"}, tools=[tool]).given)

    assert size.tokens > plain.tokens + 10
    assert not size.exact


def test_long_text_is_counted_by_samples_and_not_below_what_it_has() -> None:
    words = [f"word{number}" for number in range(2_000)]
    rng = random.Random(1)  # noqa: S311 (a text, no secret)
    text = " ".join(rng.choice(words) for _ in range(60_000))
    counter = Counter()
    pieces = sum(counter.count(text[start : start + 100_000])[0] for start in range(0, len(text), 100_000))

    counted, exact = counter.count(text)

    assert not exact
    assert pieces <= counted <= pieces * 1.1


@given(st.text())
def test_any_text_is_counted_and_no_token_is_less_than_a_byte(text: str) -> None:
    counted, _ = Counter().count(text)

    assert counted <= len(text.encode("utf-8", "replace"))


def test_lone_surrogate_is_counted_as_what_replaces_it() -> None:
    assert Counter().count("\ud800") == Counter().count("?")


def test_embeddings_are_paid_together_and_fit_one_by_one() -> None:
    size = Counter().size_of_inputs(EmbedRequest.read(b'{"model":"m","input":["hello world","hello"]}'))

    assert (size.tokens, size.longest, size.vocabulary) == (3, 2, EMBEDDING)


def test_own_vocabulary_is_not_scaled() -> None:
    calibration = Calibration()
    calibration.observed("o200k_base", Size(1_000), Usage(1_500, 1))

    assert calibration.most(Size(1_000), "o200k_base") == 1_000


def test_factor_follows_what_a_provider_reports_and_its_spread_narrows() -> None:
    calibration = Calibration()
    for _ in range(300):
        calibration.observed("claude", Size(1_000), Usage(1_330, 1))

    assert calibration.expected(Size(1_000), "claude") == pytest.approx(1_325, abs=10)
    assert calibration.scale("claude").spread < PRIORS["claude"].spread


def test_upper_end_covers_nearly_all_prompts_of_a_provider_that_varies() -> None:
    rng = random.Random(7)  # noqa: S311 (prompts, no secret)
    calibration = Calibration()
    sizes = [(1_000, round(1_000 * rng.gauss(1.25, 0.08))) for _ in range(2_000)]
    for counted, told in sizes[:1_000]:
        calibration.observed("claude", Size(counted), Usage(told, 1))

    covered = sum(told <= calibration.most(Size(counted), "claude") for counted, told in sizes[1_000:])
    assert covered >= 950


@pytest.mark.parametrize(
    ("size", "usage"),
    [
        (Size(1_000, exact=False), Usage(2_000, 1)),
        (Size(1_000), Usage(2_000, 1, estimated=True)),
        (Size(10), Usage(20, 1)),
        (Size(1_000), Usage(9_000, 1)),
    ],
    ids=["size estimated", "usage estimated", "short", "implausible"],
)
def test_what_teaches_nothing_leaves_the_prior(size: Size, usage: Usage) -> None:
    calibration = Calibration()
    calibration.observed("claude", size, usage)

    assert calibration.scale("claude") == PRIORS["claude"]
