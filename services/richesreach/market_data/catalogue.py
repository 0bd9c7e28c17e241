"""All sources there are but replays, whether they run here or not."""

from richesreach.market_data.model import About
from richesreach.market_data.sources import (
    alpha_vantage,
    coingecko,
    declared,
    fear_greed,
    finnhub,
    generator,
    massive,
    world_bank,
)

SOURCES: tuple[About, ...] = (
    massive.ABOUT,
    finnhub.ABOUT,
    coingecko.ABOUT,
    alpha_vantage.ABOUT,
    world_bank.ABOUT,
    fear_greed.ABOUT,
    *declared.DECLARED,
    generator.ABOUT,
)
