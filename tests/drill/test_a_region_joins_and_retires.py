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
from stacks.environment import load_environment
from tests.drill.conftest import events, richesreach, run, runs

NEW = "eu-central-1"
OTHERS = tuple(load_environment("local").regions)
#: What is one for all regions, as tests/stacks/test_region_joins.py says why.
ONE_FOR_ALL = {
    load_environment("local").names.stack("us-east-1", area)
    for area in ("edge", "edge-state", "global-db", "monitoring-global")
}
HERE = {"X-Viewer-Location": "Frankfurt"}
FILE = paths.ROOT / "environments" / "local.yaml"
REGIONS = "\nregions:\n"
NETWORK = "10.40.0.0/16"
NEWCOMER = f"""  {NEW}:
    cidr: {NETWORK}
    availability_zones: [{NEW}a, {NEW}b]
    joined: 2026-11-22
"""


@pytest.mark.timeout(3000)
def test_region_that_joins_serves_and_retires_without_a_trace() -> None:
    with joined():
        assert run(richesreach("preflight", "--env", "local"))[0] == 1, "it is not bootstrapped yet"
        bootstrap = ("cdk", "--env", "local", "bootstrap", f"aws://{aws.ACCOUNT}/{NEW}")
        assert run(richesreach(*bootstrap))[0] == 0
        before = deployed()
        assert differs(untold := sorted(before.keys() - ONE_FOR_ALL)) == ""
        deploy("--yes", "access")
        assert {name: time for name, time in deployed().items() if name in untold} == {
            name: before[name] for name in untold
        }
        assert changed() == ONE_FOR_ALL
        assert served_by() == NEW
        assert all(ways_there(region) for region in OTHERS)
        assert run(richesreach("deploy", "--env", "local"))[1].count("nothing to deploy") == 1
    assert differs(untold) == ""
    status, said = run(richesreach("retire", NEW, "--env", "local", "--yes", NEW, "--wave-bake", "1"))
    assert status == 0, said
    # The waves are shown twice: before anything is drained, when the yes is asked for, and as they go.
    assert said.index(f"drained: {NEW}") < said.rindex("waves") < said.index("stacks go in eu-central-1")
    assert served_by() == "eu-west-1"
    assert {name: time for name, time in deployed().items() if name in untold} == {
        name: before[name] for name in untold
    }
    assert not any(ways_there(region) for region in OTHERS)
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


def deployed() -> dict[str, str]:
    """When each of the platform's stacks in the other regions was changed last."""
    found = {}
    for region in OTHERS:
        for stack in aws.client("cloudformation", region).describe_stacks()["Stacks"]:
            if stack["StackName"] != "CDKToolkit":
                found[stack["StackName"]] = str(stack.get("LastUpdatedTime", stack["CreationTime"]))
    return found


def differs(stacks: list[str]) -> str:
    """What `cdk diff` says of these stacks where it finds any difference."""
    assert stacks
    status, said = run(richesreach("cdk", "--env", "local", "diff", "--exclusively", "--fail", *stacks))
    return said if status else ""


def ways_there(region: str) -> list[str]:
    """Route tables of a region that lead to the newcomer's network."""
    tables = aws.client("ec2", region).describe_route_tables()["RouteTables"]
    return [
        table["RouteTableId"]
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == NETWORK
    ]


def changed() -> set[str]:
    """Stacks of the regions that were there which the last run deployed."""
    started = [each for each in events(runs()[-1]) if each["event"] == "stack-started"]
    return {each["stack"] for each in started if each["region"] != NEW}


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
