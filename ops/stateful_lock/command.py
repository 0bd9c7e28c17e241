"""The steps of ``richesreach lock``: synthesise, compare with the committed lock, write it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ops.errors import UsageError
from ops.plan import synthesis
from ops.stateful_lock import acceptance, document
from ops.stateful_lock.acceptance import Reason
from ops.stateful_lock.comparison import Finding, entries, findings, unexplained
from ops.stateful_lock.document import Entry, Lock
from stacks.environment import ENVIRONMENTS, PLACEHOLDER_ACCOUNT, load_environment
from stacks.naming import Names
from stacks.yaml_file import ROOT, load


def chosen(environment: str | None, base: str | None = None) -> list[str]:
    """The environment that is named; without, those with a lock here or at ``base``, or with
    ``protect: true``: a branch cannot take one from the check by taking its lock away.

    Raises:
        ConfigurationError: there is no such environment, and no lock of one.
        UsageError: ``base`` is no revision.
    """
    locked = set(document.locked_environments())
    if environment is not None:
        return [environment if environment in locked else load_environment(environment).name]
    protected = {name for name in _known() if load_environment(name).protect}
    return sorted(protected | locked | (set() if base is None else _locked_at(base)))


def now(environment: str) -> dict[str, Entry]:
    """What of the working tree's environment holds state; nothing where its file is gone.

    Raises:
        OperationError: it does not synthesise.
    """
    if environment not in _known():
        return {}
    return entries(synthesis.synthesise(environment, PLACEHOLDER_ACCOUNT, policy=False).values())


def check(environment: str, base: str | None = None) -> list[Finding]:
    """What a deployment of the working tree would lose, or leaves unlocked, and with ``base`` what the lock
    itself lost since that revision without a reason.

    Raises:
        ConfigurationError: the lock's file is wrong.
        UsageError: ``base`` is no revision.
        OperationError: the environment does not synthesise.
    """
    lock = document.read(environment)
    changed = [] if base is None else unexplained(at(base, environment), lock)
    return changed + findings(lock.resources, now(environment))


def accept(environment: str | None, ids: Sequence[str], reason: Reason) -> tuple[str, list[Finding]]:
    """Writes the acceptance, and gives the environment and what is still open.

    Raises:
        UsageError: an id is none of the findings, or of another environment than the others.
    """
    name = environment or _environment_of(ids)
    present = now(*chosen(name))
    lock = acceptance.accept(document.read(name), present, ids, reason)
    document.write(name, lock)
    return name, findings(lock.resources, present)


def add(environment: str) -> tuple[dict[str, Entry], list[Finding]]:
    """Locks what is new, and gives it with what is still open."""
    present = now(environment)
    before = document.read(environment)
    lock = acceptance.add(before, present)
    added = {name: entry for name, entry in lock.resources.items() if name not in before.resources}
    document.write(environment, lock)
    return added, findings(lock.resources, present)


def at(revision: str, environment: str) -> Lock:
    """The lock as a git revision has it; an empty one where it has none.

    Raises:
        UsageError: there is no such revision.
    """
    commit = _commit(revision)
    path = document.path_of(environment).relative_to(ROOT)
    shown = _git("show", f"{commit}:{path}")
    if shown.returncode != 0:
        return Lock(resources={})
    with tempfile.TemporaryDirectory(prefix="richesreach-lock-") as folder:
        file = Path(folder) / path.name
        file.write_text(shown.stdout, encoding="utf-8")
        return load(file, Lock)


def _environment_of(ids: Sequence[str]) -> str:
    """Stacks are called ``richesreach-<environment>-…``."""
    fitting = {name for name in chosen(None) for each in ids if each.startswith(f"{Names(name).prefix}-")}
    if len(fitting) == 1:
        return fitting.pop()
    if fitting:
        raise UsageError(f"the ids are of {' and '.join(sorted(fitting))}; accept each environment by itself")
    raise UsageError(
        f"{ids[0]} is of no locked environment; an id is <stack>/<logical id>, as"
        " `richesreach lock check` says"
    )


def _known() -> list[str]:
    return sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml"))


def _locked_at(revision: str) -> set[str]:
    """Names of the environments that a git revision has a lock of."""
    folder = document.FOLDER.relative_to(ROOT)
    listed = _git("ls-tree", "--name-only", _commit(revision), f"{folder}/").stdout.splitlines()
    return {Path(line).stem for line in listed if line.endswith(".yaml")}


def _commit(revision: str) -> str:
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode != 0:
        raise UsageError(f"{revision} is no revision of this repository; see `git log` or `git branch --all`")
    return found.stdout.strip()


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
