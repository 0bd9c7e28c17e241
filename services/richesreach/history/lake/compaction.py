"""Few large files in place of many small ones, in one step, and what is known of an hour when it is over."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from richesreach.core.logs import logger
from richesreach.history.lake import parquet, records
from richesreach.history.lake.manifests import File, Manifest, Place, hour_of_key
from richesreach.history.lake.store import ChangedError
from richesreach.history.lake.writer import bodies

# After the end of an hour, until its files are put together: what was published in it is then written.
SETTLED = timedelta(minutes=10)
# Hours that a run looks back; what a run missed, a later one does.
HOURS = 26
# A file that no manifest names may be one whose writer is about to write the manifest, for so long.
UNNAMED = timedelta(hours=1)
# The tag by which the bucket's lifecycle lets replaced files expire (`stacks/datalake/lifecycle.py`).
REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets between two files that join in time, which no file has."""

    partition: int
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did with one hour of one dataset; `error` says why it failed."""

    hour: datetime
    merged: int
    marked: int
    error: str | None = None


def compact(place: Place, now: datetime, *, hours: int = HOURS) -> list[Outcome]:
    """Put the files of past hours together, and record what each hour holds.

    It can die anywhere and be run again, beside another run and beside writers: readers see the small files
    or the large one, as manifests are replaced in one step. An hour that fails holds up no other.
    Raises LakeUnavailableError where the hours cannot be read.
    """
    last = (now - SETTLED).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    oldest = last - timedelta(hours=hours - 1)
    outcomes = []
    before: dict[int, File] = {}
    for hour, found in _hours(place, oldest - timedelta(hours=1), last):
        manifests = [manifest for key in found if (manifest := place.read(key)) is not None]
        if hour >= oldest:
            try:
                outcomes.append(_done(place, hour, manifests, before, now))
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                logger().exception(
                    "hour_failed", dataset=place.layout.dataset, hour=hour.isoformat(), error=why
                )
                outcomes.append(Outcome(hour, 0, 0, why))
        for manifest in manifests:
            if manifest.uris:
                newest = manifest.files[-1]
                before[newest.partition] = newest
    return outcomes


def _done(
    place: Place, hour: datetime, manifests: Sequence[Manifest], before: dict[int, File], now: datetime
) -> Outcome:
    merged = [_merged(place, manifest) for manifest in manifests]
    current = [manifest for manifest, _ in merged]
    marked = _mark(place, hour, now - UNNAMED)
    _record(place, hour, current, gaps(before, current), now)
    return Outcome(hour, sum(replaced for _, replaced in merged), marked)


def gaps(before: dict[int, File], manifests: Sequence[Manifest]) -> list[Gap]:
    """Of one hour's files, and to those of the hours before. A new life of the topic begins no gap."""
    found = []
    for manifest in manifests:
        files = manifest.files
        if not files:
            continue
        earlier = [before[files[0].partition]] if files[0].partition in before else []
        for one, after in pairwise([*earlier, *files]):
            if one.epoch == after.epoch and one.next < after.first:
                found.append(Gap(one.partition, one.next, after.first))
    return found


def _hours(place: Place, oldest: datetime, last: datetime) -> Iterator[tuple[datetime, list[str]]]:
    """The manifests' keys of each hour that has any, in order."""
    day = oldest.replace(hour=0)
    keys: list[str] = []
    while day <= last:
        keys += place.keys(day)
        day += timedelta(days=1)
    for hour, found in groupby(keys, key=hour_of_key):
        if oldest <= hour <= last:
            yield hour, list(found)


def _merged(place: Place, manifest: Manifest) -> tuple[Manifest, int]:
    """The manifest as it stands then, and how many files gave way to larger ones."""
    uris: list[str] = []
    replaced = 0
    for parts in _joined(manifest.uris):
        if len(parts) == 1:
            uris += parts
            continue
        files = [File.of(uri) for uri in parts]
        whole = replace(files[0], next=files[-1].next, last=max(file.last for file in files))
        key = place.file_key(manifest.hour, whole)
        place.store.put(key, parquet.merged(place.layout, bodies(place, parts)), parquet.CONTENT_TYPE)
        uris.append(place.store.uri(key))
        replaced += len(parts)
    if not replaced:
        return manifest, 0
    try:
        return place.write(manifest, tuple(uris)), replaced
    except ChangedError:
        # A writer that was behind, or another run. The next run finds what there is then.
        logger().info("manifest_changed", key=manifest.key)
        return place.read(manifest.key) or manifest, 0


def _joined(uris: Sequence[str]) -> list[tuple[str, ...]]:
    """Files whose offsets join; a gap stays one, between two files."""
    groups: list[tuple[str, ...]] = []
    for uri in sorted(uris, key=File.of):
        file = File.of(uri)
        last = File.of(groups[-1][-1]) if groups else None
        if last is not None and (last.epoch, last.next) == (file.epoch, file.first):
            groups[-1] += (uri,)
        else:
            groups.append((uri,))
    return groups


def _mark(place: Place, hour: datetime, until: datetime) -> int:
    """Let files expire that were put by `until` and that no manifest names: replaced, or left by a writer
    that died.
    """
    keys = place.store.keys(f"{place.layout.prefix}{place.folders(hour)}", until=until)
    # Read after the listing: a writer that is behind may have named since what nobody named before.
    manifests = [place.read(key) for key in place.keys(hour) if hour_of_key(key) == hour]
    named = {uri for manifest in manifests if manifest is not None for uri in manifest.uris}
    left = [key for key in keys if place.store.uri(key) not in named and File.names(key)]
    for key in left:
        place.store.mark(key, REPLACED)
    return len(left)


def _record(
    place: Place, hour: datetime, manifests: Sequence[Manifest], missing: Sequence[Gap], now: datetime
) -> None:
    """What the hour holds and where it is from, once for each state of its files."""
    uris = tuple(uri for manifest in manifests for uri in manifest.uris)
    if not uris:
        return
    run = records.run_of(place, hour, uris)
    folder = f"region={place.region}/dt={hour:%Y-%m-%d}/"
    name = f"{place.layout.dataset}-{hour:%H}-{run}.json"
    quality_key = f"{records.QUALITY_CHECKS}{folder}{name}"
    if place.store.get(quality_key) is not None:
        return
    found = parquet.quality(place.layout, bodies(place, uris))
    problems = [
        records.Problem("gap", f"partition {gap.partition}: no offset from {gap.after} to {gap.before - 1}")
        for gap in missing
    ]
    if found.repeated:
        problems.append(records.Problem("duplicate", f"{found.repeated} rows are there more than once"))
    for each in problems:
        logger().error("lake_quality", dataset=place.layout.dataset, rule=each.rule, reason=each.reason)
    event = records.lineage(place, hour, run, uris, found, problems, now)
    place.store.put(f"{records.LINEAGE}{folder}{name}", json.dumps(event).encode(), records.CONTENT_TYPE)
    # Last, as it says that all of this is done.
    document = records.quality(place, hour, len(uris), found, problems, now)
    place.store.put(quality_key, json.dumps(document).encode(), records.CONTENT_TYPE)
