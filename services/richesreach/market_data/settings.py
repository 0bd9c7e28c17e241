"""Settings of the market's data beside those of every service: vendors' keys, symbols, the generator's rate.

`SECRET_MARKET_PROVIDERS` is the secret's JSON, a key by vendor:

    {"massive": {"key": "…", "late": 900}, "finnhub": {"key": "…"}, "coingecko": {"key": "…"}}

`late` are the seconds after which the key's plan tells a trade, where it does not tell it at once.
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
from richesreach.market_data.normalise import SECOND
from richesreach.market_data.sources.symbols import SymbolError, vendor_symbols
from richesreach.market_data.universe import SYMBOLS

SECRET = "SECRET_MARKET_PROVIDERS"  # noqa: S105 (a variable's name)
# Seconds.
LATEST = 3600
_NAME = re.compile(r"[a-z_]{1,20}")
_QUOTED = re.compile(r"`[^`]*`?|'[^']*'?")
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """`keys` by source, and by how many nanoseconds its plan is `late`, where it is. `sources` are the only
    ones that may run; empty for all. `rate`: ticks a second of each symbol that the generator makes up.
    """

    keys: Mapping[str, Secret]
    late: Mapping[str, int]
    symbols: tuple[str, ...]
    sources: frozenset[str]
    rate: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable; raises one SettingsError that names all that are missing or wrong."""
        read = Reader(environ)
        given = _given(read)
        settings = cls(
            keys=_keys(read, given),
            late=_late(read, given),
            symbols=_symbols(read),
            sources=_sources(read),
            rate=read.number("MARKET_GENERATOR_RATE", 1, 10_000, default=2),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings


def _given(read: Reader) -> dict[str, _Entry]:
    try:
        return msgspec.json.decode(read.text(SECRET, default="{}"), type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        read.problems.append(f"{SECRET} is not what it should be: {_without_names(error)}")
        return {}


def _without_names(error: msgspec.DecodeError) -> str:
    """What is wrong and where, and never what stands there: a key may stand in the wrong place."""
    what, at, where = str(error).partition(" - at ")
    return f"{_QUOTED.sub('', what).rstrip()}{at}{where}"


def _shown(name: str) -> str:
    """A name that may be a vendor's; a key that stands in its place is not shown."""
    return repr(name) if _NAME.fullmatch(name) else "what is no vendor's name"


def _late(read: Reader, given: Mapping[str, _Entry]) -> dict[str, int]:
    may = {about.name for about in SOURCES if about.late_plans}
    for name, entry in given.items():
        if entry.late and name not in may:
            read.problems.append(
                f"{SECRET}: {_shown(name)} has no plan that is late; {' and '.join(sorted(may))} has"
            )
        if not 0 <= entry.late <= LATEST:
            read.problems.append(
                f"{SECRET}: {_shown(name)} is late by {entry.late} s, and can be by 0 to {LATEST}"
            )
    return {name: entry.late * SECOND for name, entry in given.items() if entry.late}


def _keys(read: Reader, given: Mapping[str, _Entry]) -> dict[str, Secret]:
    known = {about.name: about for about in SOURCES if about.key_variable is not None}
    for name in sorted(given.keys() - known):
        read.problems.append(f"{SECRET} names {_shown(name)}: the vendors are {', '.join(sorted(known))}")
    keys = {}
    for name, about in known.items():
        key = given[name].key if name in given else ""
        key = key or read.text(about.key_variable or "", default="")
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
