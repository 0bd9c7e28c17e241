"""What the operator tells of the ticks it took, by source and partition: of the state that snapshots keep."""

from collections.abc import Iterator

import numpy as np

from richesreach.core.events.accounting import StageAccount, most_missing
from richesreach.stream.partition import AHEAD, DUPLICATES, LATE, Partition


def accounts_of(number: int, partition: Partition, member: str) -> Iterator[StageAccount]:
    """One for each source that the partition has had ticks of."""
    sequences, names = partition.sequences, partition.reader.symbols.names
    missing: dict[int, dict[str, int]] = {}
    for source, symbol in {**sequences.gaps, **sequences.given_up}:
        lost = sequences.lost(source, symbol)
        if lost:
            missing.setdefault(source, {})[names[symbol]] = lost
    for source, name in enumerate(partition.reader.sources.names):
        row = sequences.next[source]
        seen = row >= 0
        if not seen.any():
            continue
        absent = missing.get(source, {})
        counted = int(np.sum(row[seen] - sequences.first[source][seen]))
        yield StageAccount(
            stage="operator",
            member=member,
            source=name,
            partition=number,
            received=counted - sum(absent.values()),
            missing=sum(absent.values()),
            duplicates=int(partition.tallies[source, DUPLICATES]),
            late=int(partition.tallies[source, LATE]),
            refused=int(partition.tallies[source, AHEAD]),
            reached=int(np.sum(row[seen] - 1)),
            symbols=int(np.count_nonzero(seen)),
            newest=partition.latest,
            lost=most_missing(absent),
        )
