"""The catalogue: listed prices and windows, our priors, and the models of compatible endpoints."""

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from richesreach.ai_router.model import Usage
from richesreach.ai_router.places import ModelEntry, Place
from richesreach.ai_router.providers.credentials import Credential
from richesreach.ai_router.routing import priors
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.prices import listed

AT = datetime(2026, 11, 1, tzinfo=UTC)
KEY = (Credential("a", "secret"),)


def place(name: str, region: str | None = None, *models: ModelEntry) -> Place:
    kind = name if name in {"openai", "anthropic", "google", "bedrock"} else "compatible"
    return Place(name, kind, "https://models.example.com", KEY, region, models)  # type: ignore[arg-type]


def catalogue(*places: Place) -> Catalogue:
    return Catalogue.of({one.name: one for one in places}, AT)


@pytest.mark.parametrize(
    "prior", [*priors.CHAT, *priors.EMBEDDING], ids=lambda one: f"{one.provider}/{one.name}"
)
@pytest.mark.parametrize("tokens", [1_000, 200_000, 200_001, 272_001, 900_000])
def test_cost_is_what_genai_prices_says_of_short_and_of_long_prompts(
    prior: priors.Prior, tokens: int
) -> None:
    provider, reference = prior.listed or (prior.provider, prior.name)
    found = listed(provider, reference, AT)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=tokens, output_tokens=500 if prior.output_tokens else 0),
        reference,
        provider_id=provider,
        genai_request_timestamp=AT,
    )

    assert found is not None
    ours = Usage(tokens, 500 if prior.output_tokens else 0).cost(found.prices)
    assert 0 <= ours - theirs.total_price * 1_000_000 < Decimal(1)


def test_every_model_of_the_priors_has_a_price() -> None:
    assert len(catalogue().models) == len(priors.CHAT) + len(priors.EMBEDDING)


def test_listed_window_counts_before_ours() -> None:
    assert catalogue().named("gpt-4.1")[0].context_tokens == 1_000_000


def test_models_of_a_provider_without_a_key_are_there_and_disabled() -> None:
    some = catalogue(place("openai"))

    assert some.enabled(some.named("gpt-4o")[0])
    assert not some.enabled(some.named("gemini-2.5-pro")[0])


@pytest.mark.parametrize(
    ("region", "upstream", "regions"),
    [
        ("us-east-1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"us"}),
        ("eu-west-1", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", {"eu"}),
        ("ap-southeast-1", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", {"global"}),
    ],
)
def test_bedrock_is_asked_by_the_profile_of_its_geography(
    region: str, upstream: str, regions: set[str]
) -> None:
    some = catalogue(place("bedrock", region))
    found = next(one for one in some.named("claude-sonnet-4-5") if one.provider == "bedrock")

    assert (found.upstream, found.regions) == (upstream, regions)


@pytest.mark.parametrize(("region", "regions"), [("ap-southeast-1", {"ap"}), ("sa-east-1", {"global"})])
def test_bedrocks_embeddings_are_made_by_the_region_itself(region: str, regions: set[str]) -> None:
    (found,) = catalogue(place("bedrock", region)).named("titan-embed-text-v2")

    assert (found.upstream, found.regions) == ("amazon.titan-embed-text-v2:0", regions)


def test_name_finds_every_provider_and_a_qualified_one_its_own() -> None:
    some = catalogue()

    assert {one.provider for one in some.named("claude-haiku-4-5")} == {"anthropic", "bedrock"}
    assert [one.provider for one in some.named("bedrock/claude-haiku-4-5")] == ["bedrock"]


def test_compatible_endpoints_models_have_what_their_entry_says() -> None:
    entry = ModelEntry(
        "llama", context_tokens=8_192, input_price=0.5, output_price=1.5, quality={"code": 0.7}
    )
    found = catalogue(place("vllm", None, entry)).named("llama")[0]

    assert found.prices.input == 500_000
    assert found.prices.output == 1_500_000
    assert {"json_schema", "json_object", "tools"} <= found.features
    assert found.quality["code"] == 0.7
    assert found.quality["general"] == 0.6


def test_model_that_only_genai_prices_knows_is_added_when_it_is_named() -> None:
    some = catalogue(place("openai"))
    assert not some.named("gpt-4-turbo")

    longer = some.with_listed("gpt-4-turbo", AT)

    assert longer is not None
    assert longer.named("gpt-4-turbo")[0].context_tokens == 128_000
    assert some.with_listed("no-such-model", AT) is None
    assert some.with_listed("anthropic/claude-opus-5", AT) is None


def test_easy_tasks_bring_models_closer_together_than_hard_ones() -> None:
    good, poor = catalogue().named("gpt-5")[0], catalogue().named("gpt-4.1-nano")[0]

    def apart(task: str) -> float:
        return good.quality[task] - poor.quality[task]

    assert apart("classification") < apart("general") < apart("reasoning")
