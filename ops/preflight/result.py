"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """``unknown`` stops nobody: what was to be asked did not answer, or may not be asked."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Result:
    """One answer. ``check`` is the check's name, ``scope`` a region or ``everywhere``, ``said`` what was
    found and ``mend`` what to do about it, empty where nothing is to be done."""

    check: str
    scope: str
    verdict: Verdict
    said: str
    mend: str = ""


EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Reporter:
    """Writes the results of one check."""

    check: str

    def ok(self, said: str, scope: str = EVERYWHERE) -> Result:
        return Result(self.check, scope, Verdict.OK, said)

    def failed(self, said: str, mend: str, scope: str = EVERYWHERE) -> Result:
        return Result(self.check, scope, Verdict.FAILED, said, mend)

    def unknown(self, said: str, mend: str = "", scope: str = EVERYWHERE) -> Result:
        return Result(self.check, scope, Verdict.UNKNOWN, said, mend)


def failures(results: Iterable[Result]) -> list[Result]:
    """Those that forbid a deployment."""
    return [each for each in results if each.verdict is Verdict.FAILED]
