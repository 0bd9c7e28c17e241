"""What the operator tells of the ticks it took, by source and partition: of the state that snapshots keep,
and of the vectors that the cache has.
"""

from collections.abc import Iterator

import numpy as np

from richesreach.core.events.accounting import Stage, StageAccount, most_missing
from richesreach.stream.held import Held
from richesreach.stream.partition import AHEAD, DUPLICATES, LATE
from richesreach.stream.wide import Integers


def accounts_of(held: Held, member: str) -> Iterator[StageAccount]:
    """Of the stages `operator` and `features`, for each source that the partition has had ticks of.

    A tick has come to `features` when the cache has acknowledged a vector that was packed with it or after.
    """
    sequences, names = held.state.sequences, held.state.reader.symbols.names
    featured = held.featured.reached(sequences, held.unwritten)
    gaps: dict[int, list[int]] = {}
    for source, symbol in sequences.losing:
        gaps.setdefault(source, []).append(symbol)
    for source, name in enumerate(held.state.reader.sources.names):
        stages: dict[Stage, Integers] = {"operator": sequences.next[source], "features": featured[source]}
        for stage, row in stages.items():
            seen = row >= 0
            if not seen.any():
                continue
            lost = {each: sequences.lost(source, each, int(row[each])) for each in gaps.get(source, ())}
            absent = {names[each]: count for each, count in lost.items() if count}
            counted = int(np.sum(row[seen] - sequences.first[source][seen]))
            tallies = held.state.tallies[source]
            yield StageAccount(
                stage=stage,
                member=member,
                source=name,
                partition=held.number,
                received=counted - sum(absent.values()),
                missing=sum(absent.values()),
                duplicates=int(tallies[DUPLICATES]) if stage == "operator" else 0,
                late=int(tallies[LATE]),
                refused=int(tallies[AHEAD]),
                reached=int(np.sum(row[seen] - 1)),
                symbols=int(np.count_nonzero(seen)),
                newest=held.state.latest,
                lost=most_missing(absent),
            )
