"""Whose ticks of a symbol are published: one source's at a time, so that no trade is counted twice.

Each symbol has the sources that carry it, in order of preference. The first of them that is well is its
primary: its ticks get numbers and enter the bars. What the others say is compared with it (`consensus`), and
takes its place when it is unwell. A trade that is not newer than the newest that was published of another
source is not published: after a change of sources, that time is told already. What a source is asked for
again is older as well, and is published up to where another one took its place.
"""

from collections.abc import Callable, Mapping, Sequence

from richesreach.core.logs import logger
from richesreach.market_data.model import Trade


class Choice:
    """`carriers` are a symbol's sources, the best first; `well` tells whether one can be relied on now;
    `newest` are by symbol the last tick's source and event time of the terms before, `changed` the event time
    of that source's first tick where it took another one's place.
    """

    def __init__(
        self,
        carriers: Mapping[str, Sequence[str]],
        well: Callable[[str], bool],
        newest: Mapping[str, tuple[str, int]] | None = None,
        changed: Mapping[str, int] | None = None,
    ) -> None:
        self.primary: dict[str, str] = {}
        self.left: dict[str, int] = {}
        self._carriers = carriers
        self._well = well
        self._sources = list(dict.fromkeys(name for names in carriers.values() for name in names))
        self._good: frozenset[str] = frozenset()
        # Of each symbol: whose tick was published last, and the newest event time of all.
        self._newest: dict[str, tuple[str, int]] = dict(newest or {})
        # Of each symbol whose source has changed: the event time of that one's first tick.
        self._began: dict[str, int] = dict(changed or {})

    def turn(self) -> None:
        """Look at the sources again; to be called a few times a second."""
        good = frozenset(name for name in self._sources if self._well(name))
        if good == self._good:
            return
        self._good = good
        logger().info("sources_chosen", well=sorted(good))
        self.primary = {
            symbol: next(name for name in names if name in good)
            for symbol, names in self._carriers.items()
            if not good.isdisjoint(names)
        }

    def chosen(self, source: str, trades: Sequence[Trade], *, missed: bool = False) -> list[Trade]:
        """Those that are to be published; `missed` are of an interruption, in the order of time."""
        if source not in self._good:
            self.turn()
        primary, found = self.primary, []
        for trade in trades:
            if primary.get(trade.symbol) != source:
                continue
            if self._is_news(source, trade) or (missed and trade.happened < self._began.get(trade.symbol, 0)):
                found.append(trade)
        self.left[source] = self.left.get(source, 0) + len(trades) - len(found)
        return found

    def _is_news(self, source: str, trade: Trade) -> bool:
        before = self._newest.get(trade.symbol)
        if before is None:
            self._newest[trade.symbol] = source, trade.happened
            return True
        whose, newest = before
        if trade.happened > newest:
            if whose != source:
                self._began[trade.symbol] = trade.happened
            self._newest[trade.symbol] = source, trade.happened
            return True
        return whose == source
