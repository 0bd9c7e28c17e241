"""One price of a symbol from what several vendors say, and which of them is off.

The price is the median of the vendors' newest prices: less than half of them may say anything without moving
it out of the range of the others. A vendor is an outlier where its distance from the median is more than 3.5
times 1.4826 times the median of all distances (MAD), the modified z-score of Iglewicz and Hoaglin, "How to
Detect and Handle Outliers", 1993, and more than 0.1 % of the price: where vendors agree to the cent, the next
cent is no outlier. An outlier is named and not taken out: that would move the price after a liar.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from richesreach.core.events.schemas import PackedTick

# In ten-thousandths: 3.5 x 1.4826, and a distance within which all agree.
CUT, AGREED = 51_891, 10
# Nanoseconds. An older price says nothing of now.
OLDEST = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest price of one vendor, times 10^8, and when it was made, in Unix nanoseconds."""

    source: str
    price: int
    happened: int


@dataclass(frozen=True, slots=True)
class Outlier:
    """`away`: its distance from the price, as a share of it; below zero where it is too low."""

    source: str
    price: int
    away: float


@dataclass(frozen=True, slots=True)
class Consensus:
    """`price` times 10^8, with which `sources` agree. `disputed`: it lies between two of them that disagree,
    as where all are two, or half say one thing and half another.
    """

    price: int
    sources: tuple[str, ...]
    outliers: tuple[Outlier, ...]
    stale: tuple[str, ...]
    disputed: bool


def consensus(quotes: Iterable[Quote], now: int, *, oldest: int = OLDEST) -> Consensus | None:
    """One quote a vendor. None where no price is young enough. All computed in whole numbers."""
    given = sorted(quotes, key=lambda quote: (quote.price, quote.source))
    fresh = [quote for quote in given if now - quote.happened <= oldest]
    if not fresh:
        return None
    middle = _twice_the_median([quote.price for quote in fresh])
    # Twice the distances, as `middle` is twice the median; `spread` is then four times the MAD.
    away = [abs(2 * quote.price - middle) for quote in fresh]
    spread = _twice_the_median(sorted(away))
    kept: list[Quote] = []
    off: list[Quote] = []
    for quote, distance in zip(fresh, away, strict=True):
        is_off = 20_000 * distance > CUT * spread and 10_000 * distance > AGREED * abs(middle)
        (off if is_off else kept).append(quote)
    price = middle // 2
    return Consensus(
        price=price,
        sources=tuple(quote.source for quote in kept),
        outliers=tuple(Outlier(q.source, q.price, (q.price - price) / price if price else 0.0) for q in off),
        stale=tuple(quote.source for quote in given if now - quote.happened > oldest),
        disputed=_disagree(kept, price),
    )


def _disagree(kept: Sequence[Quote], price: int) -> bool:
    """Whether the two in the middle do."""
    half, odd = divmod(len(kept), 2)
    return not odd and half > 0 and 10_000 * (kept[half].price - kept[half - 1].price) > AGREED * abs(price)


def _twice_the_median(ordered: Sequence[int]) -> int:
    half = len(ordered) // 2
    return 2 * ordered[half] if len(ordered) % 2 else ordered[half - 1] + ordered[half]


class Board:
    """The newest price of each symbol by vendor. `changed` are the symbols that were told of, for whoever
    takes them out.
    """

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self._quotes: dict[str, dict[str, Quote]] = {}

    def note(self, source: str, tick: PackedTick) -> None:
        """A tick that is older than what is known changes nothing."""
        self.hear(source, tick.s, tick.p, tick.t)

    def hear(self, source: str, symbol: str, price: int, happened: int) -> None:
        """As `note`, of a price that is no tick of ours."""
        known = self._quotes.setdefault(symbol, {})
        before = known.get(source)
        if before is None or happened >= before.happened:
            known[source] = Quote(source, price, happened)
            self.changed.add(symbol)

    def quotes(self, symbol: str) -> list[Quote]:
        return list(self._quotes.get(symbol, {}).values())

    def price(self, symbol: str, now: int, *, oldest: int = OLDEST) -> Consensus | None:
        return consensus(self.quotes(symbol), now, oldest=oldest)
