"""Runs the CDK CLI that package-lock.json pins, with the Node that the lock of `.venv` pins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.account import LOCAL, of_caller
from ops.errors import OperationError, UsageError
from ops.local import aws
from stacks.environment import load_environment
from stacks.node import NODE
from stacks.yaml_file import ROOT

CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"

#: How the variables begin by which a developer's own account, or an endpoint for one service alone, could
#: reach a command that is for the local AWS.
FOREIGN = "AWS_"


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of the CLI.

    Raises:
        OperationError: the CLI is not installed.
    """
    if not CDK.exists():
        raise OperationError(f"{CDK.relative_to(ROOT)} is missing; run `make install`")
    return [str(NODE), str(CDK), *arguments]


def variables(environment: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The process environment for the CLI: for ``local`` the local AWS and nothing else."""
    values = dict(base)
    values["RICHESREACH_ENV"] = environment
    # The CLI starts `python app.py`: this interpreter's, whatever the caller's PATH holds.
    own = (str(NODE.parent), str(Path(sys.executable).parent))
    values["PATH"] = os.pathsep.join([*own, values.get("PATH", os.defpath)])
    values["JSII_NODE"] = str(NODE)
    values.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
    if environment == LOCAL:
        values = {name: value for name, value in values.items() if not name.startswith(FOREIGN)} | {
            "AWS_ENDPOINT_URL": aws.endpoint(),
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
            "AWS_REGION": load_environment(LOCAL).home_region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DEFAULT_ACCOUNT": aws.ACCOUNT,
        }
    return values


def run(environment: str, arguments: Sequence[str]) -> int:
    """Runs the CLI in the foreground and gives its exit status.

    Raises:
        ConfigurationError: there is no such environment.
        OperationError: a deployment was asked for without credentials.
        UsageError: no command was given.
    """
    if not arguments:
        raise UsageError("no CDK command given; write e.g. `richesreach cdk --env local diff`")
    load_environment(environment)
    values = variables(environment)
    if arguments[0] == "synth":
        # Without credentials the CLI would ask the metadata service, which costs seconds off AWS.
        values.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    if arguments[0] in {"deploy", "destroy"} and environment != LOCAL:
        values["CDK_DEFAULT_ACCOUNT"] = of_caller(environment)
    return subprocess.run(command(arguments), cwd=ROOT, env=values, check=False).returncode
