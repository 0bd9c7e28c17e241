"""Frankfurt joins the running platform by one edit of its file, and retires again. `make drill`.

It comes before the drills that end with the platform's destruction.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops.local import aws, paths
from ops.plan.assembly import area_of
from tests.drill.conftest import events, richesreach, run, runs

NEW = "eu-central-1"
HERE = {"X-Viewer-Location": "Frankfurt"}
FILE = paths.ROOT / "environments" / "local.yaml"
REGIONS = "\nregions:\n"
NEWCOMER = f"  {NEW}:\n    cidr: 10.40.0.0/16\n    availability_zones: [{NEW}a, {NEW}b]\n"

#: Areas in which the other regions are told of the newcomer, as tests/stacks/test_region_joins.py says.
TOLD = {"boundary", "global-db", "lake-catalogue", "lake-replication", "monitoring", "network", "peering"}
TOLD_AT_HOME = {"edge", "edge-state", "monitoring-global", "rotation"}


@pytest.mark.timeout(1200)
def test_region_that_joins_serves_and_retires_without_a_trace() -> None:
    with joined():
        assert run(richesreach("preflight", "--env", "local"))[0] == 1, "it is not bootstrapped yet"
        bootstrap = ("cdk", "--env", "local", "bootstrap", f"aws://{aws.ACCOUNT}/{NEW}")
        assert run(richesreach(*bootstrap))[0] == 0
        deploy("--yes", "access")
        assert changed() <= TOLD | TOLD_AT_HOME | {"security"}
        assert served_by() == NEW
        assert run(richesreach("deploy", "--env", "local"))[1].count("nothing to deploy") == 1
    yes = ("--yes", NEW, "--yes", "access")
    status, said = run(richesreach("retire", NEW, "--env", "local", *yes, "--wave-bake", "1"))
    assert status == 0, said
    assert said.index(f"drained: {NEW}") < said.index("waves") < said.index("stacks go in eu-central-1")
    assert served_by() == "eu-west-1"
    assert run(richesreach("deploy", "--env", "local"))[1].count("nothing to deploy") == 1
    assert run(richesreach("smoke"))[0] == 0


@contextmanager
def joined() -> Iterator[None]:
    """The edit, taken back at the end whatever happens."""
    before = FILE.read_text(encoding="utf-8")
    assert before.count(REGIONS) == 1
    FILE.write_text(before.replace(REGIONS, REGIONS + NEWCOMER), encoding="utf-8")
    try:
        yield
    finally:
        FILE.write_text(before, encoding="utf-8")


def deploy(*arguments: str) -> None:
    status, said = run(richesreach("deploy", "--env", "local", "--wave-bake", "1", *arguments))
    assert status == 0, said


def changed() -> set[str]:
    """Areas that the last run deployed in the regions that were there."""
    started = [each for each in events(runs()[-1]) if each["event"] == "stack-started"]
    return {area_of(each["stack"], each["region"]) for each in started if each["region"] != NEW}


def served_by() -> str:
    """The region that answers a viewer in Frankfurt, once its targets are healthy."""
    address = f"http://127.0.0.1:{aws.edge_port()}/api/status/services"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with urllib.request.urlopen(urllib.request.Request(address, headers=HERE), timeout=10) as answer:
            region = str(json.load(answer)["region"])
        if region == NEW:
            break
        time.sleep(1)
    return region
