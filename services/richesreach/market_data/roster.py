"""The sources of one region, in order of preference: each with its adapter, or why it does not run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from richesreach.core.market_hours import MARKETS, is_open, market_of
from richesreach.core.sample_market import SAMPLES
from richesreach.market_data.catalogue import SOURCES
from richesreach.market_data.model import About
from richesreach.market_data.settings import MarketSettings
from richesreach.market_data.source import Adapter, why_disabled
from richesreach.market_data.sources import (
    alpha_vantage,
    coingecko,
    fear_greed,
    finnhub,
    generator,
    massive,
    world_bank,
)
from richesreach.market_data.universe import PREFERENCE, names_at

LOCAL = "local"
# Seconds between two lists of made-up ticks: each is a message a partition, which a laptop's broker hands to
# every reader at once.
_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Entry:
    """`symbols` are those that it carries; none of a source of readings. `adapter` None: it is disabled."""

    about: About
    adapter: Adapter | None
    disabled: str
    symbols: Mapping[str, str]


def roster(own: MarketSettings, environment: str) -> list[Entry]:
    """New adapters each time: one has the state of one run."""
    keys = {
        about.key_variable: own.keys[about.name].reveal()
        for about in SOURCES
        if about.key_variable is not None and about.name in own.keys
    }
    found = []
    for about in sorted(SOURCES, key=_place):
        symbols = names_at(about.name, own.symbols) if about.name in PREFERENCE else {}
        disabled = why_disabled(about, environment, keys) or _why_not(about, own, environment, symbols)
        adapter = None if disabled else _adapter(about.name, symbols, own)
        found.append(Entry(about, adapter, disabled, symbols))
    return found


def carriers(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """The enabled sources of each symbol, the best first."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        if entry.adapter is not None:
            for symbol in entry.symbols:
                found.setdefault(symbol, []).append(entry.about.name)
    return found


def awaited(entries: Sequence[Entry], now: int) -> dict[str, int]:
    """By market, how many symbols should have ticks at `now` (Unix nanoseconds): those whose market is open,
    of sources that push. What is made up is always due.
    """
    made = {
        symbol for entry in entries if entry.about.name == generator.ABOUT.name for symbol in _pushed(entry)
    }
    found = dict.fromkeys(("generated", *MARKETS), 0)
    found["generated"] = len(made)
    for symbol in {symbol for entry in entries for symbol in _pushed(entry)} - made:
        market = market_of(symbol)
        found[market] += is_open(market, now)
    return found


def _pushed(entry: Entry) -> Iterable[str]:
    return entry.symbols if entry.adapter is not None and not entry.about.observed else ()


def _place(about: About) -> int:
    return PREFERENCE.index(about.name) if about.name in PREFERENCE else len(PREFERENCE)


def _why_not(about: About, own: MarketSettings, environment: str, symbols: Mapping[str, str]) -> str:
    if own.sources and about.name not in own.sources:
        return "left out by MARKET_SOURCES"
    if about.name == generator.ABOUT.name and own.keys:
        return "a vendor has a key: made-up prices must not mix with real ones"
    if about.name in PREFERENCE and not symbols:
        return "carries none of the symbols that are asked for"
    if about.key_variable is None and environment == LOCAL and about.name not in own.sources:
        # Nothing asks the world by itself on a developer's machine.
        return "" if about.name == generator.ABOUT.name else "name it in MARKET_SOURCES to ask it from here"
    return ""


def _adapter(name: str, symbols: Mapping[str, str], own: MarketSettings) -> Adapter:
    key = own.keys[name].reveal() if name in own.keys else ""
    levels = {symbol: SAMPLES[symbol].scaled_at for symbol in symbols if symbol in SAMPLES}
    makers: Mapping[str, Callable[[], Adapter]] = {
        massive.ABOUT.name: lambda: massive.Massive(symbols, key, late=own.late.get(name, 0)),
        finnhub.ABOUT.name: lambda: finnhub.Finnhub(symbols, key),
        coingecko.ABOUT.name: lambda: coingecko.CoinGecko(symbols, key),
        alpha_vantage.ABOUT.name: lambda: alpha_vantage.AlphaVantage(symbols, key),
        world_bank.ABOUT.name: world_bank.WorldBank,
        fear_greed.ABOUT.name: fear_greed.FearGreed,
        generator.ABOUT.name: lambda: generator.Generator(
            symbols, rate=own.rate * len(symbols), levels=levels, pause=_PAUSE
        ),
    }
    return makers[name]()
