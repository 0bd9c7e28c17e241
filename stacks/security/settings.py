"""Configuration of security: the record of what happens, the account's baseline, locks, erasure, drills."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from stacks.settings import Days, LogDays
from stacks.yaml_file import Frozen

#: AWS Backup refuses a compliance lock that could no longer be taken back within three days
#: (PutBackupVaultLockConfiguration, AWS Backup API reference).
MIN_GRACE_DAYS = 3

#: What stands for the subject in a pattern of cache keys.
SUBJECT = "{subject}"


def _cache_pattern(value: str) -> str:
    if SUBJECT not in value:
        raise ValueError(f"{value!r} would erase everybody's keys; write {SUBJECT} where the subject's id is")
    return value


def _lake_prefix(value: str) -> str:
    zones = ("raw/", "processed/", "curated/")
    if not value.startswith(zones) or not value.endswith("/") or value in zones:
        raise ValueError(
            f"{value!r} is no prefix inside a zone; write one such as raw/events/, with the slash at its end"
        )
    return value


class TrailSettings(Frozen):
    """CloudTrail of every region, kept in the home region's audit bucket."""

    keep_days: Days
    lock_days: Days | None = None
    log_days: LogDays | None = None
    lake_events: bool
    insights: bool

    @model_validator(mode="after")
    def _lock_ends_first(self) -> TrailSettings:
        if self.lock_days is not None and self.lock_days > self.keep_days:
            raise ValueError(
                f"lock_days {self.lock_days} outlasts keep_days {self.keep_days};"
                " nothing could expire when it should: lower it"
            )
        return self


class VaultLockSettings(Frozen):
    """Nobody shortens a backup's life. With ``grace_days`` the lock itself is final after so many days."""

    min_days: Days
    max_days: Days
    grace_days: Annotated[int, Field(ge=MIN_GRACE_DAYS, le=36500)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> VaultLockSettings:
        if self.min_days > self.max_days:
            raise ValueError(f"min_days {self.min_days} exceeds max_days {self.max_days}; order the days")
        return self


class ErasureSettings(Frozen):
    """Where people are kept: lake prefixes that have a folder ``subject=<id>/`` each, cache keys."""

    lake_prefixes: list[Annotated[str, AfterValidator(_lake_prefix)]] = Field(default_factory=list)
    cache_patterns: list[Annotated[str, AfterValidator(_cache_pattern)]] = Field(default_factory=list)
    log_days: Days = 90


class SecuritySettings(Frozen):
    account_baseline: bool
    standards: list[Annotated[str, Field(pattern=r"^[a-z0-9-]+/v/\d+\.\d+\.\d+$")]] = Field(
        default_factory=list
    )
    trail: TrailSettings | None
    unused_access_days: Annotated[int, Field(ge=1, le=365)] | None = None
    vault_lock: VaultLockSettings | None = None
    erasure: ErasureSettings
    fis: bool

    @model_validator(mode="after")
    def _standards_need_the_hub(self) -> SecuritySettings:
        if self.standards and not self.account_baseline:
            raise ValueError(
                "standards are checked by Security Hub, which account_baseline: false leaves out;"
                " remove them or set account_baseline: true"
            )
        return self
