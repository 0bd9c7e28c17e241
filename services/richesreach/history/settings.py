"""Settings of the history beside those of every service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from richesreach.core.environment_reader import Reader
from richesreach.core.settings import SettingsError
from richesreach.history.lake.writer import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """`limits` of files of the lake; months of bars that the database keeps, and has partitions for ahead;
    `origin` and `source` say of bars where they are from, in the lake and in the database.
    """

    limits: Limits
    months_kept: int
    months_ahead: int
    origin: str
    source: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError."""
        read = Reader(environ)
        local = read.text("ENVIRONMENT", default="") == "local"
        found = cls(
            limits=Limits(
                rows=read.number("HISTORY_FILE_ROWS", 1, 5_000_000, default=200_000),
                seconds=read.number("HISTORY_FILE_SECONDS", 1, 3600, default=15 if local else 60),
            ),
            months_kept=read.number("HISTORY_MONTHS_KEPT", 1, 1200, default=24),
            months_ahead=read.number("HISTORY_MONTHS_AHEAD", 1, 24, default=3),
            # There, a generator makes all ticks.
            origin="generator" if local else "live",
            source="generated" if local else "stream",
        )
        if read.problems:
            raise SettingsError(read.problems)
        return found
