"""Settings of the market's data beside those of every service: vendors' keys, symbols, the generator's rate.

`SECRET_MARKET_PROVIDERS` is the secret's JSON, a key by vendor:

    {"massive": {"key": "…"}, "finnhub": {"key": "…"}, "coingecko": {"key": "…"}}

A vendor's own variable (`POLYGON_API_KEY`, `FINNHUB_API_KEY` and so on) gives its key where the secret has
none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import msgspec

from richesreach.core.endpoints import Secret
from richesreach.core.environment_reader import Reader
from richesreach.core.settings import SettingsError
from richesreach.market_data.catalogue import SOURCES
from richesreach.market_data.sources.symbols import SymbolError, vendor_symbols
from richesreach.market_data.universe import SYMBOLS

SECRET = "SECRET_MARKET_PROVIDERS"  # noqa: S105 (a variable's name)
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """`keys` by source. `sources` are the only ones that may run; empty for all. `rate`: ticks a second of
    each symbol that the generator makes up.
    """

    keys: Mapping[str, Secret]
    symbols: tuple[str, ...]
    sources: frozenset[str]
    rate: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable; raises one SettingsError that names all that are missing or wrong."""
        read = Reader(environ)
        settings = cls(
            keys=_keys(read),
            symbols=_symbols(read),
            sources=_sources(read),
            rate=read.number("MARKET_GENERATOR_RATE", 1, 10_000, default=2),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings


def _keys(read: Reader) -> dict[str, Secret]:
    try:
        given = msgspec.json.decode(read.text(SECRET, default="{}"), type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        # The error's text tells where, and never what stands there.
        read.problems.append(f"{SECRET} is not what it should be: {error}")
        given = {}
    known = {about.name: about for about in SOURCES if about.key_variable is not None}
    for name in sorted(given.keys() - known):
        read.problems.append(f"{SECRET} names {name[:40]!r}: the vendors are {', '.join(sorted(known))}")
    keys = {}
    for name, about in known.items():
        key = given[name].key if name in given else read.text(about.key_variable or "", default="")
        if key and _KEY.fullmatch(key) is None:
            read.problems.append(f"the key of {name} holds something that no header can")
        elif key:
            keys[name] = Secret(key)
    return keys


def _symbols(read: Reader) -> tuple[str, ...]:
    text = read.text("MARKET_SYMBOLS", default=",".join(SYMBOLS))
    symbols = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    try:
        vendor_symbols(symbols)
    except SymbolError as error:
        read.problems.append(f"MARKET_SYMBOLS: {error}")
    return symbols


def _sources(read: Reader) -> frozenset[str]:
    text = read.text("MARKET_SOURCES", default="")
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    known = {about.name for about in SOURCES}
    for name in sorted(names - known):
        read.problems.append(
            f"MARKET_SOURCES names {name[:40]!r}: the sources are {', '.join(sorted(known))}"
        )
    return names
