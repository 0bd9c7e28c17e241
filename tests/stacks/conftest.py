"""Each environment of the matrix is synthesised once a session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import PLACEHOLDER_ACCOUNT, Environment, load_environment
from stacks.kernel import connect
from stacks.manifest import Manifest, load_manifests
from stacks.node import NodeProcess
from tests.stacks import environments
from tests.stacks.assembly import Assembly, clone, run_app

Synthesise = Callable[..., Assembly]

# As `app.py` has it: jsii's own Node has a second one before it, and looks for garbage on the core that the
# tests need. Nobody's Node can be taken away once the CDK is in it.
if "aws_cdk" not in sys.modules:
    connect(NodeProcess())


@pytest.fixture(scope="session")
def clones(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two copies of the repository at different paths; the second has what earlier runs leave behind."""
    first = clone(tmp_path_factory.mktemp("first") / "platform")
    second = clone(tmp_path_factory.mktemp("second") / "a longer path" / "platform")
    for folder in (second / "services" / "richesreach", second / "lambda" / "run_task"):
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "index.cpython-311.pyc").write_bytes(b"left behind")
    (second / "cdk.out").mkdir()
    return first, second


@pytest.fixture(scope="session")
def prod(clones: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Prod as committed, with every rule of validation on, as CI synthesises it."""
    return _committed("prod", clones[0], tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="session")
def staging(clones: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Staging likewise: it has the drills, which prod has not."""
    return _committed("staging", clones[0], tmp_path_factory.mktemp("staging"))


def _committed(name: str, tree: Path, folder: Path) -> Assembly:
    done = run_app(tree, {"RICHESREACH_ENV": name, "CDK_OUTDIR": str(folder / "cdk.out")})
    assert done.returncode == 0, done.stdout + done.stderr
    return Assembly(folder / "cdk.out", name)


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Builds an environment in this process; the rules of cdk-nag are the subject of `prod` alone."""
    from stacks.platform import build  # noqa: PLC0415  (starts Node)

    committed = load_manifests()

    def of(environment: Environment, manifests: Sequence[Manifest] = committed) -> Assembly:
        folder = tmp_path_factory.mktemp(environment.name) / "cdk.out"
        unruled = environment.model_copy(update={"cdk_nag": False})
        build(unruled, PLACEHOLDER_ACCOUNT, manifests, outdir=str(folder)).synth()
        return Assembly(folder, environment.name)

    return of


@pytest.fixture(scope="session")
def local(synthesise: Synthesise) -> Assembly:
    return synthesise(load_environment("local"))


@pytest.fixture(scope="session")
def dev(synthesise: Synthesise) -> Assembly:
    return synthesise(load_environment("dev"))


@pytest.fixture(scope="session")
def moved_writer(synthesise: Synthesise) -> Assembly:
    """Prod after a switchover: the writer is in Ireland, everything else is as it was."""
    return synthesise(load_environment("prod").model_copy(update={"writer_region": "eu-west-1"}))


@pytest.fixture(scope="session")
def single(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesise(environments.read(tmp_path_factory.mktemp("single-file"), environments.single_region()))


@pytest.fixture(scope="session")
def twelve(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesise(
        environments.read(tmp_path_factory.mktemp("twelve-file"), environments.twelve_regions())
    )


@pytest.fixture(scope="session")
def delivered(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Staging deployed by a repository's workflows, with the policy pack on, as each synth of it has."""
    contents = environments.document("staging")
    contents["delivery"] |= {"github_repository": "acme@1234/platform@5678"}
    return synthesise(environments.read(tmp_path_factory.mktemp("delivered-file"), contents, "staging"))


@pytest.fixture(scope="session")
def optioned(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Prod with options set otherwise than prod sets them, all at once: none of them hides another."""
    changes: dict[str, Any] = {
        "database.recovery_point_seconds": 60,
        "database.write_forwarding": True,
        "edge.firewall.geography": {"mode": "allow", "countries": ["US", "DE"]},
        "edge.http3": False,
        "edge.staging": {"weight": 0.05},
        "lake.object_lock": {"mode": "governance", "days": 400},
        "lake.zones.processed": {"intelligent_tiering": 1},
        "lake.archive_tiers": {"archive": 90, "deep_archive": 180},
        "lake.noncurrent_versions": 3,
        "lake.inventory": None,
        "lake.request_metrics": False,
        "lake.events": False,
        "lake.replication.destinations": ["eu-west-1"],
        "lake.replication.prefix": "curated/",
        "lake.replication.time_control": True,
        "lake.replication.delete_markers": True,
        "monitoring.alarm_email": "night@richesreach.example",
        "monitoring.pagerduty_events_url": None,
        "monitoring.suppress_during_deployments": False,
        "security.trail.lake_events": False,
        "security.trail.insights": False,
    }
    contents = environments.document()
    for path, value in changes.items():
        contents = environments.put(contents, path, value)
    return synthesise(environments.read(tmp_path_factory.mktemp("optioned-file"), contents))
