"""Records in the lock that a change is meant, or that a resource is there now."""

from __future__ import annotations

import datetime
import difflib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.errors import UsageError
from ops.stateful_lock.comparison import Finding, Kind, findings
from ops.stateful_lock.document import Acceptance, Entry, Lock
from stacks.yaml_file import ROOT

#: A reason has at least so many words and letters: "ok" tells the next reader nothing.
WORDS = 3
LETTERS = 12


@dataclass(frozen=True)
class Reason:
    """Why somebody accepts a change, and who.

    Raises:
        UsageError: the reason says too little, or there is no author.
    """

    why: str
    by: str
    date: datetime.date

    def __post_init__(self) -> None:
        if len(self.why.split()) < WORDS or sum(map(str.isalpha, self.why)) < LETTERS:
            raise UsageError(
                f"--why {self.why!r} is no reason; say in a few words what becomes of the data, e.g."
                ' --why "lake copied to the new bucket on 3 May, old one kept a year"'
            )
        if not self.by.strip():
            raise UsageError("nobody accepts this; give --by, or run `git config user.name`")


def author() -> str:
    """Who works in this repository, as git knows it; empty where it does not."""
    asked = subprocess.run(
        ["git", "config", "user.name"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def accept(lock: Lock, now: Mapping[str, Entry], ids: Sequence[str], reason: Reason) -> Lock:
    """The lock with what ``ids`` name as it is now, and nothing else; each with the reason in the history.

    Raises:
        UsageError: an id is not among the findings.
    """
    open_ = {finding.id: finding for finding in findings(lock.resources, now)}
    resources = dict(lock.resources)
    history = list(lock.history)
    for name in dict.fromkeys(ids):
        finding = open_.get(name)
        if finding is None:
            raise UsageError(_unknown(name, lock, open_))
        if finding.kind is Kind.REMOVED:
            del resources[name]
        else:
            resources[name] = now[name]
        history.append(
            Acceptance(
                id=name, change=list(finding.changes), why=reason.why.strip(), date=reason.date, by=reason.by
            )
        )
    return Lock(resources=resources, history=history)


def add(lock: Lock, now: Mapping[str, Entry]) -> Lock:
    """The lock with what is new; nothing can be lost by that, so no reason is asked for."""
    return lock.model_copy(update={"resources": {**now, **lock.resources}})


def _unknown(name: str, lock: Lock, open_: Mapping[str, Finding]) -> str:
    if name in lock.resources:
        return f"{name} is locked as it is: there is nothing to accept"
    close = difflib.get_close_matches(name, open_, n=3, cutoff=0.6)
    mend = f"did you mean {' or '.join(close)}?" if close else "`richesreach lock check` names what can be"
    return f"{name} is nothing that changes; {mend}"
