"""What a vendor could not tell yet when it was asked: its plan tells trades late.

What it has not is then no sign that nothing was traded. It is asked for again once it can have all of it;
until then the source counts as heard until the interruption began, so that a successor asks, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from richesreach.market_data.model import Trade
from richesreach.market_data.recovery import OVERLAP, Known


@dataclass(slots=True)
class Owed:
    """Of one interruption. `heard` is until when the source was listened to before, `since` by the vendor's
    names from which event time on trades are missing, `until` up to which; `late` is how much later the
    vendor tells them; all in (Unix) nanoseconds. `known` are trades that are on the topic already.

    By our names, `low` are the last numbers that were said before the missing ones, `high` the first ones
    after: numbers of a symbol increase, so that what is between them has not been said.
    """

    heard: int
    since: Mapping[str, int]
    until: int
    late: int
    known: Known
    low: dict[str, int]
    high: dict[str, int] = field(default_factory=dict)

    @property
    def earliest(self) -> int:
        """From which event time on trades are asked for."""
        return min(self.since.values())

    @property
    def due(self) -> int:
        """When the vendor can have all of it. Where the times of two lists meet nobody knows exactly."""
        return self.until + OVERLAP + self.late

    def after(self, trades: Iterable[Trade]) -> None:
        """They were said after the interruption."""
        for trade in trades:
            if trade.number is not None:
                self.high.setdefault(trade.symbol, trade.number)

    def missing(self, trades: Sequence[Trade]) -> list[Trade]:
        """Those that nobody has said."""
        return [
            trade
            for trade in trades
            if trade.happened <= self.until + OVERLAP
            and trade.number is not None
            and self.low.get(trade.symbol, -1) < trade.number < self.high.get(trade.symbol, trade.number + 1)
        ]


class Told:
    """Trades that are on the topic without the number by which one is known that comes again: those that a
    successor found there, and those that were said once they were due.
    """

    def __init__(self) -> None:
        self._times: dict[tuple[str, int | None], int] = {}

    def add(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            self._times[trade.symbol, trade.number] = trade.happened

    def __contains__(self, trade: Trade) -> bool:
        return (trade.symbol, trade.number) in self._times

    def forget(self, until: int) -> None:
        """Those that happened before nobody asks for again."""
        self._times = {key: happened for key, happened in self._times.items() if happened >= until}


def unnumbered(trades: Sequence[Trade]) -> list[Trade]:
    """Without the vendor's numbers, by which older trades than are remembered would be taken for repeated."""
    return [msgspec.structs.replace(trade, number=None) for trade in trades]
