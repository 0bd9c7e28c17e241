"""Settings of the features beside those of every service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from richesreach.core.environment_reader import Reader
from richesreach.core.settings import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSettings:
    """`offline_days`: for how long Postgres keeps rows of the live views."""

    offline_days: int = 30

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Raises one SettingsError that names all that is wrong."""
        read = Reader(environ)
        settings = cls(offline_days=read.number("FEATURES_OFFLINE_DAYS", 1, 3_650, default=30))
        if read.problems:
            raise SettingsError(read.problems)
        return settings
