"""Providers and their keys, read from the secret."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from richesreach.ai_router.dispatching.chain import Limits
from richesreach.ai_router.overrides import Overrides
from richesreach.ai_router.providers.credentials import Credential, Credentials
from richesreach.ai_router.routing.asked import Strategy, Weights
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.policy import Policy
from richesreach.ai_router.settings import AiSettings
from richesreach.core.settings import SettingsError

KEY = "sk-very-secret"


def settings(secret: object = None, **environ: str) -> AiSettings:
    given = {} if secret is None else {"SECRET_AI_PROVIDERS": json.dumps(secret)}
    return AiSettings.from_environment({**given, **environ})


def problem(secret: object, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(secret, **environ)
    assert KEY not in str(caught.value)
    return str(caught.value)


def keyed(**changes: object) -> Mapping[str, object]:
    return {"openai": {"keys": [{"id": "a", "key": KEY, **changes}]}}


def test_without_keys_no_provider_is_enabled() -> None:
    assert settings().providers == {}


def test_a_single_key_enables_its_provider() -> None:
    found = settings(OPENAI_API_KEY=KEY, GOOGLE_API_KEY="g").providers
    assert sorted(found) == ["google", "openai"]
    assert found["openai"].credentials[0].secret == KEY


def test_a_single_key_keeps_the_base_url_of_the_secret() -> None:
    place = settings({"openai": {"base_url": "https://proxy.example.com/v1/"}}, OPENAI_API_KEY=KEY).providers
    assert place["openai"].base_url == "https://proxy.example.com/v1"


def test_bedrock_without_keys_is_asked_with_the_tasks_role() -> None:
    place = settings({"bedrock": {"region": "eu-west-1"}}).providers["bedrock"]
    assert place.base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert [(key.id, key.secret) for key in place.credentials] == [("role", "")]


def test_bedrock_is_asked_in_the_tasks_own_region_where_none_is_named() -> None:
    assert (
        settings({"bedrock": {}}, AWS_REGION="ap-southeast-1").providers["bedrock"].region == "ap-southeast-1"
    )


def test_a_compatible_provider_is_called_by_its_name() -> None:
    entry = {
        "base_url": "https://models.example.com/v1",
        "models": ["llama", {"name": "q", "input_price": 0.1}],
    }
    place = settings({"compatible": {"vllm": entry}}).providers["vllm"]
    assert (place.kind, [model.name for model in place.models]) == ("compatible", ["llama", "q"])


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (keyed(key="a\r\nx-evil: 1"), "openai: keys[0].key must be printable"),
        (keyed(key=""), "openai: keys[0].key"),
        (keyed(weight=0), "openai: keys[0].weight"),
        (keyed(id="a b"), "openai: keys[0].id"),
        ({"openai": {"keys": [{"id": "a", "key": KEY}] * 2}}, "an id of its own"),
        ({"opnai": {}}, "opnai"),
        ({"bedrock": {}}, "bedrock: region"),
        ({"compatible": {"x": {}}}, "compatible.x: base_url is missing"),
        (
            {"compatible": {"openai": {"base_url": "https://a.example.com"}}, **keyed()},
            "must not be called openai",
        ),
        ([], "SECRET_AI_PROVIDERS"),
    ],
)
def test_what_is_wrong_is_named_and_no_key_is_told(secret: object, told: str) -> None:
    assert told in problem(secret)


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.com/v1",
        "https://user:password@models.example.com",
        "https://models.example.com/?a=b",
        "https://169.254.169.254/latest",
        "https://[::ffff:169.254.169.254]/",
        "https://10.0.0.1/v1",
        "https://127.0.0.1/v1",
        "https://[::1]/v1",
        "file:///etc/passwd",
        "https://models.example.com:port/",
    ],
)
def test_a_base_url_that_leads_elsewhere_is_refused(url: str) -> None:
    assert "base_url" in problem({"compatible": {"x": {"base_url": url}}})


def test_private_addresses_are_a_choice_and_that_of_credentials_is_none() -> None:
    inside = {"compatible": {"x": {"base_url": "http://127.0.0.1:9/v1"}}}
    assert "x" in settings(inside, AI_PRIVATE_PROVIDERS="true").providers
    metadata = {"compatible": {"x": {"base_url": "http://169.254.170.2/v2"}}}
    assert "base_url" in problem(metadata, AI_PRIVATE_PROVIDERS="true")


def test_no_repr_shows_a_key() -> None:
    assert KEY not in repr(settings(keyed()))


def test_keys_are_taken_by_weight_and_never_one_that_is_out() -> None:
    keys = Credentials({"openai": [Credential("a", "1", 9), Credential("b", "2", 1)]})
    rng = random.Random(1)  # noqa: S311
    found = [key.id for _ in range(1000) if (key := keys.pick("openai", rng))]
    assert 850 < found.count("a") < 950
    left = keys.pick("openai", rng, {"a"})
    assert left is not None
    assert left.id == "b"
    assert keys.pick("openai", rng, {"a", "b"}) is None
    assert keys.pick("google", rng) is None


def test_policy_keeps_its_defaults_for_what_is_not_named() -> None:
    told = {"weights": {"balanced": {"quality": 1, "cost": 2, "latency": 3, "reliability": 4}}, "attempts": 2}

    found = settings(AI_POLICY=json.dumps(told)).overrides

    assert found.policy.weights[Strategy.BALANCED] == Weights(1, 2, 3, 4)
    assert found.policy.weights[Strategy.BEST] == Policy().weights[Strategy.BEST]
    assert (found.limits.attempts, found.limits.patience) == (2, Limits().patience)
    assert settings().overrides == Overrides()


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ('{"slack": 2}', "Expected `float` <= 1.0 - at `$.slack`"),
        ('{"weights": {"nicest": {}}}', "Invalid enum value 'nicest'"),
        ('{"weihgts": {}}', "Object contains unknown field `weihgts`"),
        ("[", "AI_POLICY is not what it should be"),
    ],
)
def test_policy_that_means_nothing_is_one_error_that_names_it(told: str, says: str) -> None:
    assert says in problem(None, AI_POLICY=told)


def test_quality_of_a_model_can_be_set_by_task() -> None:
    quality = settings(AI_POLICY='{"quality": {"gpt-4o": {"code": 0.95}}}').overrides.quality

    found = Catalogue.of({}, datetime(2026, 11, 1, tzinfo=UTC), quality).named("gpt-4o")[0]

    assert (found.quality["code"], found.quality["general"]) == (0.95, 0.8)
