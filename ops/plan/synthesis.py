"""Synthesises an environment: the working tree, or another git revision of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops import cdk
from ops.errors import OperationError, UsageError
from ops.plan import assembly
from stacks.yaml_file import ROOT

#: What the CLI tells an app that it starts, so that its own `diff` finds nothing where this was deployed.
_CONTEXT = '{"aws:cdk:enable-asset-metadata": true}'


def synthesise(
    environment: str, account: str | None = None, tree: Path = ROOT, *, policy: bool = True
) -> dict[str, assembly.Stack]:
    """The stacks that ``tree`` makes of an environment, without the CDK's own look at each template; what the
    environment's policy pack finds fails unless ``policy`` is off, as it is where stacks are only compared.

    Raises:
        OperationError: synthesis failed; the message holds what it said last.
    """
    with tempfile.TemporaryDirectory(prefix="richesreach-plan-") as folder:
        out = Path(folder) / "cdk.out"
        write(environment, account, out, tree, policy=policy)
        return assembly.read(out)


def write(
    environment: str,
    account: str | None,
    out: Path,
    tree: Path = ROOT,
    *,
    policy: bool = True,
    validate: bool = False,
) -> None:
    """Synthesises ``tree`` into ``out``; ``policy`` as above, ``validate``: the CDK looks at each template.

    Raises:
        OperationError: synthesis failed; the message holds what it said last.
    """
    values = cdk.variables(environment) | {"CDK_OUTDIR": str(out), "CDK_CONTEXT_JSON": _CONTEXT}
    if not validate:
        values["CDK_VALIDATION"] = "false"
    if not policy:
        values["RICHESREACH_POLICY"] = "false"
    if account:
        values["CDK_DEFAULT_ACCOUNT"] = account
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=tree, env=values, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise OperationError(
            f"{environment} does not synthesise: {said[-1].strip() if said else 'app.py failed'}"
        )


@contextmanager
def revision(name: str) -> Iterator[Path]:
    """A checkout of a git revision, gone afterwards; the working tree is not touched.

    Raises:
        UsageError: the repository has no such revision.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit.returncode != 0:
        raise UsageError(f"{name} is no revision of this repository; see `git log` or `git branch --all`")
    with tempfile.TemporaryDirectory(prefix="richesreach-base-") as folder:
        tree = Path(folder) / "tree"
        added = _git("worktree", "add", "--detach", "--quiet", str(tree), commit.stdout.strip())
        if added.returncode != 0:
            raise OperationError(f"git cannot check out {name}: {added.stderr.strip()}")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
