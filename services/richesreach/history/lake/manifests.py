"""Which files count, and up to which offset: one manifest for each partition of a topic and hour.

A manifest is a text with the URIs of files, one a line; a file's name says which messages it holds. Writing
it, on the condition that it is as the writer last saw it, makes rows part of the lake: what a file holds
that no manifest names was never written. So a writer that dies between the two loses nothing and doubles
nothing, and of two that believe themselves the partition's own, one is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from richesreach.history.lake.layouts import Layout
from richesreach.history.lake.store import ChangedError, LakeStore

CONTENT_TYPE = "text/plain"
# Days in which the last manifest of a partition is looked for: longer than any topic keeps its messages.
LOOK_BACK = timedelta(days=31)
_NAME = re.compile(r"(\d{4})-p(\d{4})-(\d{20})-(\d{20})-(\d{13})\.parquet$")
# Others, such as that of samples, name files that no writer made.
_MANIFEST = re.compile(r"/p\d{4}\.txt$")
_FOLDERS = re.compile(r"/dt=(\d{4}-\d{2}-\d{2})/hour=(\d{2})/")


class FencedError(Exception):
    """Another member writes the partition, and is further: what is buffered here is not to be written."""


@dataclass(frozen=True, slots=True, order=True)
class File:
    """Messages of one partition from offset `first` on and before `next`. `epoch` counts the topic's lives,
    as offsets begin anew when it is made anew; `last` is the highest time of publishing in it, in Unix
    milliseconds.
    """

    epoch: int
    partition: int
    first: int
    next: int
    last: int

    @classmethod
    def of(cls, uri: str) -> "File":
        """Raises ValueError for another name."""
        found = _NAME.search(uri)
        if found is None:
            raise ValueError(f"{uri} is no file of the lake writer")
        return cls(*map(int, found.groups()))

    @staticmethod
    def names(key: str) -> bool:
        """Whether `key` is a file of the lake writer."""
        return _NAME.search(key) is not None

    @property
    def name(self) -> str:
        messages = f"{self.first:020d}-{self.next:020d}"
        return f"{self.epoch:04d}-p{self.partition:04d}-{messages}-{self.last:013d}.parquet"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`etag` is None for one that is still to be written."""

    key: str
    hour: datetime
    uris: tuple[str, ...] = ()
    etag: str | None = None

    @property
    def files(self) -> list[File]:
        return sorted(map(File.of, self.uris))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one region keeps one dataset."""

    store: LakeStore
    layout: Layout
    region: str

    def folders(self, hour: datetime) -> str:
        return f"region={self.region}/dt={hour:%Y-%m-%d}/hour={hour:%H}/"

    def file_key(self, hour: datetime, file: File) -> str:
        return f"{self.layout.prefix}{self.folders(hour)}{file.name}"

    def manifest_key(self, hour: datetime, partition: int) -> str:
        return f"{self.layout.manifests}{self.folders(hour)}p{partition:04d}.txt"

    def read(self, key: str) -> Manifest | None:
        """The manifest under `key`; None where there is none. Raises LakeUnavailableError, ValueError."""
        found = self.store.get(key)
        if found is None:
            return None
        uris = tuple(line for line in found.body.decode().splitlines() if line)
        return Manifest(key, hour_of_key(key), uris, found.etag)

    def keys(self, day: datetime) -> list[str]:
        """Of the manifests that writers keep for a day, by hour. Raises LakeUnavailableError."""
        found = self.store.keys(f"{self.layout.manifests}region={self.region}/dt={day:%Y-%m-%d}/")
        return [key for key in found if _MANIFEST.search(key)]

    def write(self, manifest: Manifest, uris: tuple[str, ...]) -> Manifest:
        """The manifest with `uris`, written. Raises ChangedError, LakeUnavailableError."""
        body = "".join(f"{uri}\n" for uri in uris).encode()
        etag = self.store.replace(manifest.key, body, CONTENT_TYPE, manifest.etag)
        return Manifest(manifest.key, manifest.hour, uris, etag)

    def newest_keys(self, partition: int, now: datetime) -> Iterator[str]:
        """Of the partition's manifests, the newest first."""
        own = f"{self.layout.manifests}region={self.region}/"
        days = self.store.folders(own, after=f"{own}dt={now - LOOK_BACK:%Y-%m-%d}")
        for day in reversed(days):
            keys = self.store.keys(day)
            yield from (key for key in reversed(keys) if key.endswith(f"/p{partition:04d}.txt"))


def hour_of_key(key: str) -> datetime:
    """Raises ValueError for a key that is in no hour's folder."""
    found = _FOLDERS.search(key)
    if found is None:
        raise ValueError(f"{key} is in no hour's folder")
    return datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H").replace(tzinfo=UTC)


def hour_of(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(minute=0, second=0, microsecond=0)


class Chain:
    """What the lake has of one partition: all before offset `next` of `epoch`, the newest in `manifest`.

    `next` is None where it has nothing yet.
    """

    def __init__(self, place: Place, partition: int) -> None:
        self.place, self.partition = place, partition
        self.epoch = 0
        self.next: int | None = None
        self.last = 0
        self.manifest: Manifest | None = None

    @classmethod
    def restored(cls, place: Place, partition: int, now: datetime) -> "Chain":
        """As the lake says. Raises LakeUnavailableError."""
        chain = cls(place, partition)
        for key in place.newest_keys(partition, now):
            manifest = place.read(key)
            if manifest is not None and manifest.uris:
                chain._stand_at(manifest)
                break
        return chain

    def hour(self, milliseconds: int) -> datetime:
        """Of a file whose first message was published then. Hours never go back, whatever clocks say."""
        found = hour_of(milliseconds)
        return found if self.manifest is None else max(found, self.manifest.hour)

    def commit(self, file: File, hour: datetime, body: bytes, content: str) -> None:
        """Make the file's rows part of the lake, as one. `hour` is that of its first message.

        Raises FencedError where another member did so first; LakeUnavailableError where nobody knows, and the
        same commit is to be tried again.
        """
        key = self.place.file_key(hour, file)
        uri = self.place.store.uri(key)
        manifest = self._manifest_of(hour)
        self.place.store.put(key, body, content)
        while uri not in manifest.uris:
            try:
                manifest = self.place.write(manifest, (*manifest.uris, uri))
            except ChangedError:
                manifest = self._seen_again(manifest, uri, file)
        self._stand_at(manifest)

    def _manifest_of(self, hour: datetime) -> Manifest:
        if self.manifest is not None and self.manifest.hour == hour:
            return self.manifest
        return Manifest(self.place.manifest_key(hour, self.partition), hour)

    def _seen_again(self, manifest: Manifest, uri: str, file: File) -> Manifest:
        """What stands there now: an earlier try of ours, a larger file of the same rows, another's rows."""
        found = self.place.read(manifest.key)
        if found is None:
            return Manifest(manifest.key, manifest.hour)
        reached = max((each.epoch, each.next) for each in found.files) if found.uris else (file.epoch, 0)
        if uri not in found.uris and reached > (file.epoch, file.first):
            raise FencedError(f"{manifest.key} has messages up to {reached}, and {file.first} was to follow")
        return found

    def _stand_at(self, manifest: Manifest) -> None:
        newest = max(manifest.files, key=lambda each: (each.epoch, each.next))
        self.epoch, self.next = newest.epoch, newest.next
        self.last = max(each.last for each in manifest.files)
        self.manifest = manifest
