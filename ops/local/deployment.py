"""Bootstraps and deploys environment ``local`` with the real CDK CLI."""

from __future__ import annotations

import ctypes
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from botocore.exceptions import ClientError

from ops import cdk
from ops.account import LOCAL
from ops.errors import OperationError
from ops.local import aws, paths
from stacks.environment import Environment

Say = Callable[[str], None]

#: Stacks deployed at once. More than this gains nothing on two cores.
CONCURRENCY = 6

LOG = "deploy.log"

_FINISHED = re.compile(r"^\s*(?:✅|✨)?\s*(richesreach-\S+)(?: \(no changes\))?$")
_PR_SET_PDEATHSIG = 1


def bootstrap(environment: Environment, say: Say) -> None:
    """Makes the CDK's own stack in every region that lacks it."""
    missing = [region for region in environment.regions if not _bootstrapped(region)]
    if not missing:
        return
    say(", ".join(missing))
    targets = [f"aws://{aws.ACCOUNT}/{region}" for region in missing]
    # Outside the project: inside, the CLI would synthesise the app first.
    with tempfile.TemporaryDirectory() as elsewhere:
        _cdk(
            ["bootstrap", *targets, "--no-notices"],
            Path(elsewhere),
            "bootstrapping failed",
            lambda line: None,
        )


def _bootstrapped(region: str) -> bool:
    try:
        stacks = aws.client("cloudformation", region).describe_stacks(StackName="CDKToolkit")["Stacks"]
    except ClientError:
        return False
    return bool(stacks) and stacks[0]["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def deploy(environment: Environment, say: Say) -> None:
    """Deploys every stack; what is deployed and unchanged stays as it is.

    Raises:
        OperationError: synthesis or a stack failed; the message holds CloudFormation's reason.
    """
    done: set[str] = set()

    def follow(line: str) -> None:
        found = _FINISHED.match(line)
        if found:
            done.add(found[1])
            say(f"{len(done)} done, last {found[1]}")

    assembly = paths.STATE / "cdk.out"
    # The CLI takes a validation report of an earlier synthesis for this one's.
    shutil.rmtree(assembly, ignore_errors=True)
    _cdk(
        [
            "deploy",
            "--all",
            f"--concurrency={CONCURRENCY}",
            "--require-approval=never",
            "--no-notices",
            "--progress=events",
            f"--output={assembly}",
        ],
        paths.ROOT,
        "the deployment failed",
        follow,
    )


def _cdk(arguments: Sequence[str], folder: Path, failure: str, follow: Say) -> None:
    """Runs the CLI with its output in a log; it does not outlive this process."""
    paths.create()
    log = paths.LOGS / LOG
    values = cdk.variables(LOCAL) | {"CDK_VALIDATION": "false", "CI": "true"}
    lines: list[str] = []
    process = subprocess.Popen(
        cdk.command(arguments),
        cwd=folder,
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=_die_with_parent,  # noqa: PLW1509  (this process has one thread)
    )
    try:
        with log.open("a", encoding="utf-8") as output:
            for line in process.stdout or ():
                output.write(line)
                lines.append(line.rstrip())
                follow(line.rstrip())
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if status != 0:
        raise OperationError(
            f"{failure}: {reason(lines)}; the whole story is in {log.relative_to(paths.STATE.parent)}."
            " What runs stays up: mend it and run `make up` again, or `make down`"
        )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def reason(lines: Sequence[str]) -> str:
    """The lines that say why, out of all that the CLI printed."""
    failed = [line for line in lines if "CREATE_FAILED" in line or "UPDATE_FAILED" in line]
    errors = [line for line in lines if "❌" in line or line.startswith(("error:", "Error"))]
    chosen = (failed[:2] + errors[:2]) or [line for line in lines if line.strip()][-3:]
    return " | ".join(line.strip() for line in chosen) or "the CDK CLI said nothing"
