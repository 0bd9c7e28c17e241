"""Settings of the operator beside those of every service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from richesreach.core.environment_reader import Reader
from richesreach.core.settings import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """`snapshot_seconds` between two snapshots of a partition; `take_milliseconds` between two takes.

    The second makes vectors as much older, at the most, and the work for each tick less.
    """

    snapshot_seconds: int = 60
    take_milliseconds: int = 10
    # Whether bars and indicators are published: not where Flink makes them.
    bars: bool = True

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError."""
        read = Reader(environ)
        found = cls(
            snapshot_seconds=read.number("STREAM_SNAPSHOT_SECONDS", 1, 3600, default=60),
            take_milliseconds=read.number("STREAM_TAKE_MILLISECONDS", 0, 1000, default=10),
            bars=environ.get("STREAM_JOB", "operator") != "flink",
        )
        if read.problems:
            raise SettingsError(read.problems)
        return found
