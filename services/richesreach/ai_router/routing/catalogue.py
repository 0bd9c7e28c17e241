"""Every model that a deployment may ask: our priors, genai-prices' prices, and the compatible endpoints' own
list.

A model's key is `provider/name`; one name may be served by several providers (`claude-sonnet-4-5` by
Anthropic and by Bedrock), which are then alternatives of each other.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from richesreach.ai_router.model import Model, Prices
from richesreach.ai_router.places import ModelEntry, Place
from richesreach.ai_router.routing import priors
from richesreach.ai_router.routing.prices import PICODOLLARS, Listed, listed

# genai-prices calls Amazon's prices `aws`.
_LISTED_AS = {"bedrock": "aws"}
# Of a model that the catalogue does not hold but its provider lists a price for: what most have.
_USUAL_OUTPUT, _USUAL_CONTEXT = 8_192, 32_768
_USUAL_QUALITY = 0.6
_TOKENIZERS = {"openai": "o200k_base", "anthropic": "claude", "google": "gemini"}


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds until the first token, and tokens a second after it: priors."""

    first_token: float = 1.0
    pace: float = 60.0


def key_of(model: Model) -> str:
    return model.key


class Catalogue:
    """Models in a fixed order. `providers` are those that have what they need; the others' models are
    disabled.
    """

    def __init__(
        self, models: Sequence[Model], providers: Iterable[str], speeds: Mapping[str, Speed] | None = None
    ) -> None:
        self.models = tuple(models)
        self.providers = frozenset(providers)
        self._speeds = dict(speeds or {})
        self._by_key = {key_of(model): model for model in self.models}
        self._by_name: dict[str, tuple[Model, ...]] = {}
        for model in self.models:
            self._by_name[model.name] = (*self._by_name.get(model.name, ()), model)

    @classmethod
    def of(
        cls,
        places: Mapping[str, Place],
        at: datetime,
        quality: Mapping[str, Mapping[str, float]] | None = None,
    ) -> Self:
        """The catalogue of a deployment, with the prices of an instant.

        `quality` takes the place of priors, by a model's name and by task.
        """
        models: list[Model] = []
        speeds: dict[str, Speed] = {}
        for prior in (*priors.CHAT, *priors.EMBEDDING):
            place = places.get(prior.provider)
            found = listed(*(prior.listed or (prior.provider, prior.name)), at)
            # Without a price nobody could say what a request costs.
            if found is not None:
                model = _model(prior, found, place.region if place else None)
                models.append(model)
                speeds[key_of(model)] = Speed(prior.first_token, prior.pace)
        for place in places.values():
            models += [_compatible(place.name, entry) for entry in place.models]
        told = quality or {}
        models = [_judged(model, told[model.name]) if model.name in told else model for model in models]
        return cls(models, places, speeds)

    def enabled(self, model: Model) -> bool:
        return model.provider in self.providers

    def speed(self, model: Model) -> Speed:
        return self._speeds.get(key_of(model), Speed())

    def named(self, name: str) -> tuple[Model, ...]:
        """Those that a caller means by `name`, `provider/name`, or a provider's own name of a model."""
        found = self._by_name.get(name)
        if found is not None:
            return found
        if one := self._by_key.get(name):
            return (one,)
        return tuple(model for model in self.models if model.upstream == name)

    def with_listed(self, name: str, at: datetime) -> "Catalogue | None":
        """A catalogue that also holds the model which a provider lists as `name` (or `provider/name`).

        For models newer than our priors: with the listed price and window, and usual values for the rest.
        None where no enabled provider lists it.
        """
        provider, slash, bare = name.partition("/")
        for one in [provider] if slash else sorted(self.providers & _TOKENIZERS.keys()):
            found = listed(_LISTED_AS.get(one, one), bare if slash else name, at)
            if found is not None and one in self.providers and one in _TOKENIZERS:
                model = _unknown(bare if slash else name, one, found)
                return Catalogue((*self.models, model), self.providers, self._speeds)
        return None


def _model(prior: priors.Prior, found: Listed, region: str | None) -> Model:
    upstream, regions = prior.upstream or prior.name, prior.regions
    if prior.provider == "bedrock":
        upstream, regions = _profile(prior, upstream, region or "")
    return Model(
        name=prior.name,
        provider=prior.provider,
        upstream=upstream,
        context_tokens=found.context_tokens or prior.context_tokens,
        output_tokens=prior.output_tokens,
        prices=found.prices,
        tokenizer=prior.tokenizer,
        kind=prior.kind,
        modalities=prior.modalities,
        features=prior.features,
        regions=regions,
        quality=priors.quality_of(prior.quality),
        image_tokens=prior.image_tokens,
    )


def _profile(prior: priors.Prior, reference: str, region: str) -> tuple[str, frozenset[str]]:
    """Bedrock's inference profile that a region offers, and where it may process a request.

    Those of `us` and `eu` stay in their geography; Claude elsewhere has only the one that stays nowhere.
    Embeddings have none: the region itself makes them.
    """
    geography = region.partition("-")[0]
    if prior.kind == "embedding":
        return reference, frozenset({geography if geography in {"us", "eu", "ap"} else "global"})
    if geography in {"us", "eu"}:
        return f"{geography}.{reference}", frozenset({geography})
    if geography == "ap" and reference.startswith("amazon."):
        return f"apac.{reference}", frozenset({"ap"})
    return f"global.{reference}", frozenset({"global"})


def _compatible(provider: str, entry: ModelEntry) -> Model:
    features = frozenset(entry.features)
    if "json" in features:
        features |= {"json_object", "json_schema"}
    price = round(entry.input_price * PICODOLLARS)
    return Model(
        name=entry.name,
        provider=provider,
        upstream=entry.upstream or entry.name,
        context_tokens=entry.context_tokens,
        output_tokens=entry.output_tokens,
        prices=Prices(price, price, round(entry.output_price * PICODOLLARS)),
        tokenizer=f"compatible/{entry.name}",
        kind=entry.kind,
        modalities=frozenset(entry.modalities),
        features=features,
        regions=frozenset(entry.regions),
        quality=priors.quality_of(_USUAL_QUALITY) | entry.quality,
    )


def _unknown(name: str, provider: str, found: Listed) -> Model:
    window = found.context_tokens or _USUAL_CONTEXT
    return Model(
        name=name,
        provider=provider,
        upstream=name,
        context_tokens=window,
        output_tokens=min(_USUAL_OUTPUT, window),
        prices=found.prices,
        tokenizer=_TOKENIZERS[provider],
        modalities=priors.HEARS,
        features=priors.REASONS,
        quality=priors.quality_of(_USUAL_QUALITY),
    )


def _judged(model: Model, quality: Mapping[str, float]) -> Model:
    return dataclasses.replace(model, quality={**model.quality, **quality})
