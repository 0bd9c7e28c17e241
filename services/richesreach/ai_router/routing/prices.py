"""Prices and context windows from genai-prices' bundled data: nothing is fetched, a new release brings new
prices.

That data is US dollars a million tokens, as Decimal, with steps for long prompts ("tiers", where the step
holds for all tokens of the request) and, for some models, prices that hold from a date on.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices

from richesreach.ai_router.model import Prices

# A dollar a million tokens is a million picodollars a token.
PICODOLLARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as genai-prices lists it; `context_tokens` is None where it does not say."""

    name: str
    prices: Prices
    context_tokens: int | None


@cache
def _providers() -> dict[str, Any]:
    return {provider.id: provider for provider in get_snapshot().providers}


def listed(provider: str, reference: str, at: datetime) -> Listed | None:
    """What `provider` (genai-prices' id) charges for the model that it knows by `reference` at an instant.

    None where there is no such model, or no price by the token.
    """
    found = _providers().get(provider)
    model = found and found.find_model(reference.lower())
    if not model:
        return None
    prices = _prices(model.get_prices(at))
    return None if prices is None else Listed(model.id, prices, model.context_window)


def _prices(given: ModelPrice) -> Prices | None:
    if given.input_mtok is None:
        return None
    columns = (given.input_mtok, given.cache_read_mtok or given.input_mtok, given.output_mtok or Decimal(0))
    starts = sorted({tier.start for one in columns if isinstance(one, TieredPrices) for tier in one.tiers})
    # From the longest prompts to the shortest, each knowing the next longer one.
    found: Prices | None = None
    for start, above in reversed(list(pairwise([0, *starts, None]))):
        first, cached, answer = (_at(one, start or 0) for one in columns)
        found = Prices(first, cached, answer, above, found)
    return found


def _at(price: Decimal | TieredPrices, start: int) -> int:
    if isinstance(price, TieredPrices):
        held = [tier.price for tier in price.tiers if tier.start <= start and start > 0]
        price = held[-1] if held else price.base
    return int(price * PICODOLLARS)
