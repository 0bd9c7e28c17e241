"""Models as callers see them."""

from typing import Any

from richesreach.ai_router.model import Model

# Picodollars a token are microdollars a million tokens.
_MILLION = 1_000_000


def model_body(model: Model, *, enabled: bool) -> dict[str, Any]:
    """Prices are USD a million tokens, as providers list them."""
    prices = model.prices
    return {
        "name": model.name,
        "provider": model.provider,
        "enabled": enabled,
        "kind": model.kind,
        "context_tokens": model.context_tokens,
        "output_tokens": model.output_tokens,
        "modalities": sorted(model.modalities),
        "features": sorted(model.features),
        "regions": sorted(model.regions),
        "quality": model.quality,
        "usd_per_million_tokens": {
            "input": prices.input / _MILLION,
            "cached_input": prices.cached_input / _MILLION,
            "output": prices.output / _MILLION,
        },
    }
