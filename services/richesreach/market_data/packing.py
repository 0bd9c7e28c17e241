"""Ticks into batches of one source, venue and partition: ready when full, or when the first has waited."""

from collections.abc import Collection
from dataclasses import dataclass, field

from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import MOST_TICKS, PackedTick, TickBatch
from richesreach.market_data.model import About

# Ticks of one batch. Larger ones cost a tick nothing less, and make the first of them wait for the last.
FULL = 500
# Milliseconds. Half of it is what a tick waits; each batch costs broker and readers as much as fifty ticks.
LINGER = 8.0


@dataclass(slots=True)
class Packed:
    """A batch, and the partition it belongs to."""

    partition: int
    batch: TickBatch


@dataclass(slots=True)
class _Open:
    partition: int
    venue: str
    due: int = 0
    ticks: list[PackedTick] = field(default_factory=list)


class Packer:
    """One source's, in the term `epoch`. Times are nanoseconds of any clock that does not go back."""

    def __init__(
        self, about: About, partitions: int, *, linger_ms: float = LINGER, full: int = FULL, epoch: int = 0
    ) -> None:
        if not 1 <= full <= MOST_TICKS:
            raise ValueError(f"full is {full}, and a batch holds 1 to {MOST_TICKS} ticks")
        self.waiting = 0
        # The number with which each symbol began.
        self.firsts: dict[str, int] = {}
        self._about = about
        self._partitions = partitions
        self._linger = int(linger_ms * 1_000_000)
        self._full = full
        self._epoch = epoch
        self._open: dict[tuple[int, str], _Open] = {}
        # By venue and symbol: two look-ups a tick, and no sum over its letters.
        self._places: dict[str, dict[str, _Open]] = {}

    def add(self, ticks: Collection[tuple[str, PackedTick]], now: int) -> list[Packed]:
        """The batches that these ticks have filled. A symbol's ticks of one venue stay in order."""
        found, due, most = [], now + self._linger, self._full
        self.waiting += len(ticks)
        last, places = "", dict[str, _Open]()
        for venue, tick in ticks:
            if venue != last:
                last, places = venue, self._places.setdefault(venue, {})
            place = places.get(tick.s)
            if place is None:
                place = places[tick.s] = self._place(venue, tick)
            held = place.ticks
            if not held:
                place.due = due
            held.append(tick)
            if len(held) >= most:
                found.append(self._closed(place))
        return found

    def due(self, now: int) -> list[Packed]:
        """The batches whose first tick has waited long enough."""
        return [self._closed(place) for place in self._open.values() if place.ticks and place.due <= now]

    @property
    def begun(self) -> list[int]:
        """When the first tick of each open batch was received."""
        return [place.ticks[0].r for place in self._open.values() if place.ticks]

    def rest(self) -> list[Packed]:
        """All that is left."""
        return [self._closed(place) for place in self._open.values() if place.ticks]

    def _place(self, venue: str, tick: PackedTick) -> _Open:
        self.firsts.setdefault(tick.s, tick.q)
        partition = partition_of(tick.s, self._partitions)
        return self._open.setdefault((partition, venue), _Open(partition, venue))

    def _closed(self, place: _Open) -> Packed:
        ticks, place.ticks = place.ticks, []
        self.waiting -= len(ticks)
        about = self._about
        return Packed(
            place.partition,
            TickBatch(
                source=about.name,
                venue=place.venue,
                licence=about.licence,
                ticks=ticks,
                epoch=self._epoch,
            ),
        )
