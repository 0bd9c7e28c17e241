"""Compaction: readers find each row once before, while and after small files give way to large ones."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from gateway_task import task_environment
from lakes import HOUR, NOON, REGION, bar, listed, place_of, rows, ticks
from moto.s3.models import s3_backends
from richesreach.core.settings import Settings
from richesreach.history import compact as command
from richesreach.history.lake import compaction
from richesreach.history.lake.compaction import compact
from richesreach.history.lake.layouts import BARS, TICKS
from richesreach.history.lake.manifests import File, Place
from richesreach.history.lake.store import Found, LakeStore
from richesreach.history.lake.writer import Limits, opened

AFTER = datetime.fromtimestamp(NOON / 1000, UTC) + timedelta(hours=1, minutes=11)
# When files that were put in the hour may be marked.
LATER = AFTER + timedelta(hours=1)
ALL = [(offset, place) for offset in range(4) for place in range(3)]


@pytest.fixture
def place(store: LakeStore) -> Place:
    """Four files of a partition in the hour from noon."""
    found = place_of(store, TICKS)
    for offset in range(4):
        write(found, offset)
    return found


def write(place: Place, *offsets: int, at: int = NOON) -> None:
    writer = opened(place, 0, origin="live", limits=Limits(), clock=lambda: at / 1000)
    for offset in offsets:
        writer.take(ticks(offset, at=at))
    writer.flush()


def contents(place: Place) -> list[tuple[Any, ...]]:
    return rows(place, "stream_offset, stream_place")


def tagged(place: Place) -> set[str]:
    """Keys that expire."""
    s3, bucket = place.store._s3, place.store.bucket
    keys = place.store.keys(place.layout.prefix)
    return {key for key in keys if s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


def grow_old(place: Place) -> None:
    """All files were put at the end of the hour, and so may be marked two hours later."""
    (backend,) = (each for each in s3_backends["123456789012"].values() if place.store.bucket in each.buckets)
    for key in backend.buckets[place.store.bucket].keys.values():
        key.last_modified = (AFTER - timedelta(minutes=11)).replace(tzinfo=None)


def written(place: Place, prefix: str) -> list[dict[str, Any]]:
    found = [place.store.get(key) for key in place.store.keys(prefix)]
    return [json.loads(each.body) for each in found if each is not None]


def test_small_files_of_a_past_hour_become_one(place: Place) -> None:
    small = listed(place)
    (outcome,) = compact(place, AFTER)
    assert outcome.merged == 4
    assert len(listed(place)) == 1
    assert contents(place) == ALL
    grow_old(place)
    compact(place, LATER)
    assert tagged(place) == {place.store.key(uri) for uri in small}


def test_a_file_that_a_writer_commits_meanwhile_is_no_replaced_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged, late = compaction.parquet.merged, opened(place, 1, origin="live", limits=Limits())

    def slowly(*told: Any) -> bytes:
        body = merged(*told)
        late.take(ticks(0, at=NOON, number=1))
        late.flush()
        grow_old(place)
        return body

    monkeypatch.setattr(compaction.parquet, "merged", slowly)
    compact(place, LATER)
    assert len(listed(place)) == 2
    assert tagged(place).isdisjoint(map(place.store.key, listed(place)))


def test_a_file_whose_manifest_is_still_to_come_is_no_replaced_one(place: Place) -> None:
    grow_old(place)
    hour = datetime.fromtimestamp(NOON / 1000, UTC)
    key = place.file_key(hour, File(0, 1, 0, 1, NOON))
    place.store.put(key, b"of a writer", "text/plain")
    compact(place, LATER)
    assert len(tagged(place)) == 4
    assert key not in tagged(place)


def test_ticks_that_were_sent_again_are_there_once_afterwards(place: Place) -> None:
    writer = opened(place, 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
    writer.take(ticks(4, first=30))
    writer.flush()
    assert contents(place) == [*ALL, (4, 0), (4, 1), (4, 2)]
    compact(place, AFTER)
    assert contents(place) == ALL
    (quality,) = written(place, "metadata/quality_checks/")
    assert quality["passed"]


def test_an_hour_that_goes_on_is_left_alone(place: Place) -> None:
    assert compact(place, AFTER - timedelta(minutes=10)) == []
    assert len(listed(place)) == 4


def test_a_second_run_finds_nothing_to_do(place: Place) -> None:
    compact(place, AFTER)
    before = place.store.keys("")
    (outcome,) = compact(place, AFTER)
    assert outcome.merged == 0
    assert place.store.keys("") == before


@pytest.mark.parametrize("puts", range(5))
def test_rows_are_there_once_wherever_a_run_dies(
    puts: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow_old(place)
    dying(place, puts, monkeypatch)
    with pytest.raises(SystemExit):
        compact(place, LATER)
    assert contents(place) == ALL
    monkeypatch.undo()
    compact(place, LATER)
    assert contents(place) == ALL
    assert len(listed(place)) == 1


def dying(place: Place, puts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends at a put or tagging after so many."""
    left = [puts]

    def through(call: Any) -> Any:
        def tried(**told: Any) -> Any:
            if left[0] == 0:
                raise SystemExit
            left[0] -= 1
            return call(**told)

        return tried

    for name in ("put_object", "put_object_tagging"):
        monkeypatch.setattr(place.store._s3, name, through(getattr(place.store._s3, name)))


def test_a_writer_that_is_behind_goes_on_in_an_hour_that_was_compacted(place: Place) -> None:
    late = opened(place, 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
    late.take(ticks(4))
    compact(place, AFTER)
    late.flush()
    assert contents(place) == [*ALL, (4, 0), (4, 1), (4, 2)]


def test_a_run_gives_way_to_a_writer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = compaction.parquet.merged

    def slowly(*told: Any) -> bytes:
        body = merged(*told)
        write(place, 4)
        return body

    monkeypatch.setattr(compaction.parquet, "merged", slowly)
    (outcome,) = compact(place, AFTER)
    assert outcome.merged == 0
    assert contents(place) == [*ALL, (4, 0), (4, 1), (4, 2)]


class Body(bytes):
    """Of a file, counted while somebody holds it."""

    held = most = 0

    def __init__(self, _: bytes) -> None:
        Body.held += 1
        Body.most = max(Body.most, Body.held)

    def __del__(self) -> None:
        Body.held -= 1


def test_files_of_an_hour_are_not_held_together(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = place_of(place.store, BARS)
    for offset in range(0, 12, 2):
        for where, message in ((place, ticks(offset + 4)), (bars, bar(offset, offset))):
            writer = opened(where, 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
            writer.take(message)
            writer.flush()
    get = LakeStore.get

    def counted(store: LakeStore, key: str) -> Found | None:
        found = get(store, key)
        return None if found is None else Found(Body(found.body), found.etag)

    monkeypatch.setattr(LakeStore, "get", counted)
    opened(bars, 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
    compact(place, AFTER)
    assert Body.most <= 3


def test_an_hour_that_fails_holds_up_neither_hours_nor_datasets(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for offset in (4, 5):
        write(place, offset, at=NOON + HOUR)
    bars = place_of(place.store, BARS)
    for offset in (0, 1):
        writer = opened(bars, 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
        writer.take(bar(offset, offset))
        writer.flush()
    merged, failing = compaction.parquet.merged, iter([True])

    def once(*told: Any) -> bytes:
        if next(failing, False):
            raise MemoryError("too many rows")
        return merged(*told)

    settings = Settings.from_environment({**task_environment(None, None), "AWS_REGION": REGION})
    monkeypatch.setattr(compaction.parquet, "merged", once)
    monkeypatch.setattr(command, "read_settings", lambda: settings)
    monkeypatch.setattr(command, "lake_of", lambda _: place.store)
    monkeypatch.setattr(command, "compact", lambda where, _: compact(where, LATER))
    logged = Mock()
    monkeypatch.setattr(compaction, "logger", lambda: logged)
    with pytest.raises(command.HoursFailedError, match=r"market_ticks 2026-01-01T12$"):
        command.main()
    assert [len(listed(each)) for each in (place, bars)] == [4 + 1, 1]
    assert contents(place) == [*ALL, *((offset, each) for offset in (4, 5) for each in range(3))]
    (failed,) = logged.exception.call_args_list
    assert "MemoryError: too many rows" in failed.kwargs["error"]


def test_what_a_dead_writer_left_expires(place: Place) -> None:
    left = File(epoch=0, partition=0, first=1, next=3, last=NOON).name
    key = f"{place.layout.prefix}region={REGION}/dt=2026-01-01/hour=12/{left}"
    place.store.put(key, b"half", "text/plain")
    grow_old(place)
    compact(place, LATER)
    assert key in tagged(place)


def test_samples_beside_the_files_are_left_as_they_are(place: Place) -> None:
    hour = datetime.fromtimestamp(NOON / 1000, UTC)
    sample = f"{place.layout.prefix}{place.folders(hour)}sample.parquet"
    place.store.put(sample, b"sample", "application/octet-stream")
    manifest = f"{place.layout.manifests}{place.folders(hour)}sample.txt"
    place.store.put(manifest, place.store.uri(sample).encode(), "text/plain")
    (outcome,) = compact(place, AFTER)
    assert outcome.merged == 4
    assert sample not in tagged(place)


def test_an_hour_leaves_a_record_of_its_quality_and_lineage(place: Place) -> None:
    compact(place, AFTER)
    (quality,) = written(place, "metadata/quality_checks/")
    (dataset,) = quality["datasets"]
    assert (quality["passed"], dataset["dataset"], dataset["records"]) == (True, "market_ticks", 12)
    assert dataset["nulls"] == {"bid": 12, "ask": 12}
    (event,) = written(place, "metadata/lineage/")
    (source,) = event["inputs"]
    assert (event["eventType"], source["name"]) == ("COMPLETE", "market.ticks")
    assert source["facets"]["offsets"]["ranges"] == [{"epoch": 0, "partition": 0, "first": 0, "next": 4}]


def test_offsets_that_no_file_has_are_a_problem_of_quality(place: Place) -> None:
    write(place, 9)
    write(place, 12, at=NOON + HOUR)
    compact(place, AFTER + timedelta(hours=1))
    problems = [each["datasets"][0]["problems"] for each in written(place, "metadata/quality_checks/")]
    assert [[each["reason"] for each in found] for found in problems] == [
        ["partition 0: no offset from 4 to 8"],
        ["partition 0: no offset from 10 to 11"],
    ]
