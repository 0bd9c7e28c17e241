"""The lake writer: every message is in the lake once, whenever its writer dies and whoever else writes."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lakes import (
    HOUR,
    NOON,
    REGION,
    Given,
    heartbeat,
    listed,
    new_store,
    place_of,
    rows,
    ticks,
)
from richesreach.history.lake.layouts import TICKS
from richesreach.history.lake.manifests import FencedError, File, Place, hour_of
from richesreach.history.lake.store import LakeStore, LakeUnavailableError
from richesreach.history.lake.writer import Limits, PartitionWriter, opened

SOON = Limits(rows=6, seconds=60.0)


class Clock:
    def __init__(self) -> None:
        self.now = NOON / 1000

    def __call__(self) -> float:
        return self.now


def writer(place: Place, limits: Limits = SOON, clock: Callable[[], float] | None = None) -> PartitionWriter:
    return opened(place, 0, origin="live", limits=limits, clock=clock or Clock())


def offsets(place: Place) -> list[int]:
    return [offset for (offset,) in rows(place, "stream_offset")]


def take(found: PartitionWriter, messages: Sequence[Given]) -> None:
    for message in messages:
        found.take(message)
    found.flush()


def test_what_comes_is_in_the_lake_as_it_was(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0, 2)])
    columns = "symbol, sequence, event_time, price::varchar, size::varchar, bid, stream_offset, origin"
    assert rows(place, columns) == [
        ("AAPL", 0, NOON * 10**6, "187.25000000", "1.00000000", None, 0, "generator"),
        ("AAPL", 1, NOON * 10**6 + 1, "187.25000001", "1.00000000", None, 0, "generator"),
    ]


def test_nothing_is_written_before_there_is_enough_or_time(store: LakeStore) -> None:
    clock = Clock()
    found = writer(place_of(store, TICKS), clock=clock)
    found.take(ticks(0))
    assert not found.due
    clock.now += 60
    assert found.due


def test_keys_say_region_day_hour_and_offsets(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0), ticks(1)])
    (uri,) = listed(place)
    name = File(0, 0, 0, 2, NOON).name
    assert uri == (f"s3://{store.bucket}/raw/market_data/ticks/region={REGION}/dt=2026-01-01/hour=12/{name}")


def test_a_new_hour_begins_a_new_file_in_its_own_partition(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0), ticks(1, at=NOON + HOUR), ticks(2, at=NOON)])
    assert [uri.split("/hour=")[1][:2] for uri in listed(place)] == ["12", "13"]
    assert [File.of(uri).first for uri in listed(place)] == [0, 1]


def test_a_writer_goes_on_where_the_lake_ends(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0), ticks(1)])
    take(writer(place), [ticks(0), ticks(1), ticks(2)])
    assert offsets(place) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_what_a_dead_writer_did_not_list_is_written_again_and_counts_once(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    store.put(place.file_key(hour_of(NOON), File(0, 0, 0, 2, NOON)), b"half", "text/plain")
    take(writer(place), [ticks(0), ticks(1)])
    assert offsets(place) == [0] * 3 + [1] * 3


def test_of_two_writers_of_a_partition_one_is_refused(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    one, other = writer(place), writer(place)
    one.take(ticks(0))
    take(other, [ticks(0), ticks(1)])
    with pytest.raises(FencedError):
        one.flush()
    assert offsets(place) == [0] * 3 + [1] * 3


def test_a_writer_that_is_late_for_a_past_hour_is_refused(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0)])
    late, other = writer(place), writer(place)
    late.take(ticks(1))
    take(other, [ticks(1), ticks(2), ticks(3, at=NOON + HOUR)])
    with pytest.raises(FencedError):
        late.flush()
    assert offsets(place) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


def test_a_topic_that_was_made_anew_loses_nothing_to_the_one_before(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0), ticks(1)])
    take(writer(place), [ticks(0, at=NOON + 1), ticks(1, at=NOON + 2), ticks(2, at=NOON + 3)])
    found = rows(place, "distinct stream_epoch, stream_partition, stream_offset, stream_place")
    assert len(found) == 15
    assert writer(place).chain.epoch == 1


def test_what_the_lake_has_of_the_life_before_is_not_done_in_a_new_one(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0), ticks(1)])
    found = writer(place)
    found.take(ticks(0, at=NOON + 1))
    assert found.done is None
    found.flush()
    assert found.done == 1


@pytest.mark.parametrize("published", [-1, 0, NOON + 2 * HOUR, 3_900_000_000_000, 10**17])
def test_a_message_of_an_impossible_time_is_there_once_and_in_the_hour_that_it_was_read(
    published: int, store: LakeStore
) -> None:
    place, clock = place_of(store, TICKS), Clock()
    odd = ticks(1)
    odd.published = published
    take(writer(place, clock=clock), [ticks(0), odd])
    clock.now += 60
    take(writer(place, clock=clock), [odd, ticks(2)])
    clock.now += HOUR / 1000
    take(writer(place, clock=clock), [ticks(3, at=NOON + HOUR)])
    assert offsets(place) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert [uri.split("/dt=")[1][:18] for uri in listed(place)] == ["2026-01-01/hour=12"] * 2 + [
        "2026-01-01/hour=13"
    ]
    take(writer(place, clock=clock), [ticks(0, at=NOON + HOUR + 1)])
    assert writer(place).chain.epoch == 1


def test_the_hours_go_on_where_no_message_has_a_time(store: LakeStore) -> None:
    place, clock = place_of(store, TICKS), Clock()
    take(writer(place, clock=clock), [ticks(0, at=0)])
    clock.now += HOUR / 1000
    take(writer(place, clock=clock), [ticks(1, at=0)])
    assert [uri.split("/hour=")[1][:2] for uri in listed(place)] == ["12", "13"]


def test_messages_that_the_topic_dropped_are_counted(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [ticks(0)])
    found = writer(place)
    take(found, [ticks(5)])
    assert found.counts.gone == 4


def test_a_message_that_nobody_can_read_is_handed_back_and_holds_nothing_up(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    found = writer(place)
    take(found, [ticks(0), Given(1, b"{", NOON), ticks(2)])
    assert [each.message.offset() for each in found.unreadable] == [1]
    assert offsets(place) == [0] * 3 + [2] * 3


def test_heartbeats_leave_a_file_without_rows_so_that_offsets_join(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [heartbeat(0, term=1)])
    found = writer(place)
    take(found, [ticks(1)])
    assert found.counts.gone == 0
    assert offsets(place) == [1] * 3


def test_ticks_of_a_publisher_that_was_succeeded_are_left_out_and_counted(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    found = writer(place)
    take(found, [ticks(0, term=1), heartbeat(1, term=2), ticks(2, term=1), ticks(3, term=2)])
    assert offsets(place) == [0] * 3 + [3] * 3
    assert found.counts.void == 3


def test_a_heartbeat_of_a_publisher_that_was_succeeded_makes_its_ticks_count_no_more(
    store: LakeStore,
) -> None:
    place = place_of(store, TICKS)
    take(writer(place), [heartbeat(0, term=2), heartbeat(1, term=1), ticks(2, term=1)])
    assert offsets(place) == []


def test_terms_of_a_topic_that_was_made_anew_begin_anew(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    found = writer(place)
    take(found, [heartbeat(0, term=2), ticks(1, term=2)])
    take(found, [ticks(0, at=NOON + 1, term=1)])
    assert len(offsets(place)) == 6


def test_an_outage_of_the_lake_is_waited_out_by_the_same_call(store: LakeStore) -> None:
    place = place_of(store, TICKS)
    found = writer(place)
    found.take(ticks(0))
    with _Failing(store, 0, error=LakeUnavailableError), pytest.raises(LakeUnavailableError):
        found.flush()
    found.flush()
    assert offsets(place) == [0] * 3


class DiedError(Exception):
    """The process is gone."""


class _Failing:
    """The store's puts end after `number` of them: not done, or done and not heard of."""

    def __init__(
        self, store: LakeStore, number: int, *, after: bool = False, error: type[Exception] = DiedError
    ) -> None:
        self._s3, self._left, self._after = store._s3, number, after
        self._error = error
        self._put = self._s3.put_object

    def __enter__(self) -> None:
        self._s3.put_object = self._tried

    def __exit__(self, *_: object) -> None:
        self._s3.put_object = self._put

    def _tried(self, **told: Any) -> Any:
        if self._left > 0:
            self._left -= 1
            return self._put(**told)
        if self._after:
            self._put(**told)
        raise self._error("gone")


HISTORY = st.lists(
    st.tuples(
        st.integers(1, 8),  # messages that this life takes
        st.integers(0, 5),  # puts before it dies
        st.booleans(),  # whether the last of them arrives
        st.integers(0, 4),  # how far behind the lake the group's offsets are
    ),
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=HISTORY, hours=st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_no_death_of_a_writer_loses_or_doubles_a_row(
    lives: list[tuple[int, int, bool, int]], hours: list[int], s3: None
) -> None:
    store = new_store()
    place = place_of(store, TICKS)
    log = [ticks(offset, 1 + offset % 3, at=NOON + hour * HOUR) for offset, hour in enumerate(sorted(hours))]
    for count, puts, arrives, behind in lives:
        found = writer(place, Limits(rows=4))
        start = max(0, (found.done or 0) - behind)
        try:
            with _Failing(store, puts, after=arrives):
                take(found, log[start : start + behind + count])
        except DiedError:
            continue
    last = writer(place, Limits(rows=4))
    take(last, log[max(0, (last.done or 0) - 2) :])
    assert rows(place, "stream_offset, stream_place") == [
        (offset, each) for offset in range(12) for each in range(1 + offset % 3)
    ]
    assert last.counts.gone == 0


def test_another_bucket_is_no_place_of_a_file(store: LakeStore) -> None:
    with pytest.raises(ValueError, match="is not in the bucket"):
        store.key("s3://another/raw/x.parquet")
