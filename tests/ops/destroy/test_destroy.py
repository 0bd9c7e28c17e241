"""Taking a platform of three regions down on a real local AWS: in order, after two yeses, with what stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.deploy.asking import Account
from ops.deploy.formation import Formation
from ops.deploy.graph import Graph
from ops.plan import assembly
from stacks.environment import load_environment
from tests.ops.deploy.conftest import Result, Site
from tests.ops.deploy.small_platform import HOME, REGIONS, stack_name


@pytest.fixture(scope="module")
def platform(site: Site, first: Path) -> Site:
    """Every stack, made without the CLI, which takes seconds for each; an object in the bucket that goes."""
    made = assembly.read(first)
    formation = Formation(Account("local"), load_environment("local"))
    ancestors = Graph(made).ancestors
    for stack in sorted(made.values(), key=lambda each: len(ancestors[each.name])):
        client = site.client("cloudformation", stack.region)
        client.create_stack(StackName=stack.name, TemplateBody=json.dumps(stack.template))
        state = formation.settle(stack.name, stack.region, look=0.05)
        assert state is not None
        assert state.status == "CREATE_COMPLETE", state.reason
    site.client("s3").put_object(Bucket="small-scratch", Key="one", Body=b"1")
    return site


def destroy(site: Site, first: Path, *arguments: str) -> Result:
    output = str(site.folder / "destroy")
    return site.run("destroy", "--env", "local", "--assembly", str(first), "--output", output, *arguments)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "say which environment goes: --yes local"),
        (["--yes", "prod"], 2, "'prod' is not 'local': nothing was touched"),
        (["--only", "mars-north-1"], 2, "--only mars-north-1: no such region or stack"),
        (["--only", stack_name("eu-west-1", "network"), "--dry-run"], 1, "still in use"),
    ],
)
def test_what_is_not_meant_is_refused(
    platform: Site, first: Path, arguments: list[str], status: int, said: str
) -> None:
    done = destroy(platform, first, *arguments)
    assert (done.status, said in done.errors) == (status, True), done.errors


def test_dry_run_names_what_holds_state_and_touches_nothing(platform: Site, first: Path) -> None:
    before = {region: platform.stacks(region) for region in REGIONS}
    done = destroy(platform, first, "--dry-run")
    assert done.status == 0
    assert stack_name(HOME, "data") in done.output
    assert stack_name(HOME, "serving") not in done.output
    assert {region: platform.stacks(region) for region in REGIONS} == before


def test_stacks_go_after_those_that_stand_on_them_and_what_stays_is_said(platform: Site, first: Path) -> None:
    done = destroy(platform, first, "--yes", "local")
    assert done.status == 0, done.output + done.errors
    assert [platform.stacks(region) for region in REGIONS] == [{}, {}, {}]
    events = platform.events()
    gone = [event["stack"] for event in events if event["event"] == "stack-deleted"]
    made = assembly.read(first)
    assert sorted(gone) == sorted(made)
    for place, name in enumerate(gone):
        assert not set(made[name].dependencies) & set(gone[:place])
    table = [line for line in done.output.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in line.strip("│").split("│")] for line in table] == [
        [HOME, "AWS::S3::Bucket", "small-data", "Retain"]
    ]
    buckets = {bucket["Name"] for bucket in platform.client("s3").list_buckets()["Buckets"]}
    assert ("small-data" in buckets, "small-scratch" in buckets) == (True, False)
    again = destroy(platform, first, "--yes", "local")
    assert (again.status, "nothing is deployed" in again.output) == (0, True)
