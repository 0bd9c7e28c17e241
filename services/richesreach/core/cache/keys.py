"""The keys that services share: `prices:{symbol}`, `features:{symbol}:{timestamp}` and so on.

No two different places make the same key, whatever a caller puts into a symbol.
"""

from datetime import datetime
from urllib.parse import quote

MAX_PART = 128

# What symbols hold besides letters and digits: BRK.B, BTC-USD, EUR/USD, ^GSPC, ES=F. Never ':' or '%'.
_PLAIN = "^=/+@"


def prices(symbol: str) -> str:
    return key("prices", symbol)


def features(symbol: str, timestamp: datetime) -> str:
    """`timestamp` stands in Unix milliseconds. Raises ValueError for one without a time zone."""
    if timestamp.tzinfo is None:
        raise ValueError("a timestamp without a time zone names no instant: give it one")
    return key("features", symbol, str(round(timestamp.timestamp() * 1000)))


def predictions(symbol: str, engine: str) -> str:
    return key("predictions", symbol, engine)


def metrics(symbol: str, period: str) -> str:
    return key("metrics", symbol, period)


def regime(symbol: str) -> str:
    return key("regime", symbol)


def esg(symbol: str) -> str:
    return key("esg", symbol)


def static(name: str) -> str:
    return key("static", name)


def key(kind: str, *parts: str) -> str:
    """`kind` and its parts, joined by colons. Raises ValueError for a part that is empty or too long."""
    return ":".join((kind, *(_part(part) for part in parts)))


def _part(part: str) -> str:
    if not 0 < len(part) <= MAX_PART:
        raise ValueError(f"a part of a cache key has 1 to {MAX_PART} characters, not {len(part)}")
    return quote(part, safe=_PLAIN, errors="surrogatepass")
