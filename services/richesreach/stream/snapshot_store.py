"""Where snapshots are kept: the lake of the region, because a task loses its disk with itself. They lie
beside its zones, as what is below `state/` goes to no other region.

    state/stream/region=<region>/definitions=<12>/partition=<number>/<epoch>-<offset>-<last>

Objects are never changed. Epoch and offset are counted down from the most that there can be, so that the
first name that S3 lists is the newest snapshot. An epoch (Unix milliseconds) begins where a partition was
read from its beginning, and `last` is the CRC-32 of the message before the offset: the topic is known by it.
Two tasks that think they have the same partition write the same: what a state is follows from the topic.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import boto3
import botocore.config

from richesreach.core.logs import logger
from richesreach.core.settings import Settings, SettingsError
from richesreach.stream import snapshot
from richesreach.stream.definitions import fingerprint
from richesreach.stream.partition import Partition

PREFIX = "state/stream"
# Snapshots of one partition that are looked at, the newest first, until one can be read.
TRIES = 5
_MOST_EPOCH, _MOST_OFFSET = 10**14 - 1, 2**63 - 1
# Seconds.
_CONNECT, _READ = 2, 20


@dataclass(frozen=True, slots=True)
class Found:
    """A snapshot's state, the epoch it belongs to, and the CRC-32 of the last message that is in it."""

    state: Partition
    epoch: int
    last: int


class SnapshotStore(Protocol):
    """Both block, and raise OSError or botocore's errors where the store does not answer."""

    def newest(self, partition: int) -> Found | None: ...

    def keep(self, partition: int, epoch: int, offset: int, last: int, body: bytes) -> None: ...


class Objects(Protocol):
    """The store by its few commands, so that it is the same over S3 and over anything else."""

    def names(self, prefix: str, most: int) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, value: bytes) -> None: ...


class LakeSnapshots:
    """SnapshotStore over objects."""

    def __init__(self, objects: Objects, region: str) -> None:
        self._objects = objects
        self._folder = f"{PREFIX}/region={region}/definitions={fingerprint()[:12]}"

    def newest(self, partition: int) -> Found | None:
        """The newest that can be read; damaged ones are passed over, and said."""
        folder = self._of(partition)
        for name in self._objects.names(folder, TRIES):
            epoch, _, last = name.removeprefix(folder).split("-")
            try:
                state = snapshot.restored(name, self._objects.read(name))[partition]
            except snapshot.SnapshotError as error:
                logger().error("snapshot_passed_over", partition=partition, error=str(error))
                continue
            return Found(state, _MOST_EPOCH - int(epoch), int(last, 16))
        return None

    def keep(self, partition: int, epoch: int, offset: int, last: int, body: bytes) -> None:
        name = f"{_MOST_EPOCH - epoch:014d}-{_MOST_OFFSET - offset:019d}-{last:08x}"
        self._objects.write(self._of(partition) + name, snapshot.head(body) + body)

    def _of(self, partition: int) -> str:
        return f"{self._folder}/partition={partition:05d}/"


class Lake:
    """Objects of the lake's bucket."""

    def __init__(self, bucket: str, client: Any) -> None:
        self._bucket = bucket
        self._client = client

    @classmethod
    def of(cls, settings: Settings) -> "Lake":
        """Raises SettingsError where the service was told of no lake."""
        if settings.lake_bucket is None:
            raise SettingsError(["S3_BUCKET is missing: the operator has nowhere to keep its snapshots"])
        patience = botocore.config.Config(
            connect_timeout=_CONNECT, read_timeout=_READ, retries={"mode": "standard", "max_attempts": 3}
        )
        client = boto3.client(
            "s3", region_name=settings.region, endpoint_url=settings.aws_endpoint, config=patience
        )
        return cls(settings.lake_bucket, client)

    def names(self, prefix: str, most: int) -> list[str]:
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=most)
        return [each["Key"] for each in answer.get("Contents", ())]

    def read(self, name: str) -> bytes:
        value: bytes = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        return value

    def write(self, name: str, value: bytes) -> None:
        # A newer one replaces each, and the lake lets go of what was replaced (`replaced_days`).
        self._client.put_object(Bucket=self._bucket, Key=name, Body=value, Tagging="replaced=true")
