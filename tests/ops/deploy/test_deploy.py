"""Deploying a platform of three regions to a real local AWS, wave after wave.

The platform is deployed once; each test then changes values of its own.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from ops.deploy.asking import Account
from ops.deploy.formation import Formation
from ops.deploy.lock import Lock
from ops.deploy.store import Store
from ops.plan import assembly, deployed
from ops.plan.fingerprint import fingerprint
from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from tests.ops.deploy.conftest import Site, Synthesise
from tests.ops.deploy.small_platform import HOME, REGIONS, RUNBOOK, alarm_name, stack_name

EU, AP = REGIONS[1], REGIONS[2]


@pytest.fixture(scope="module")
def platform(site: Site, first: Path) -> Site:
    """Everything deployed once, from nothing."""
    done = site.deploy(first)
    assert done.status == 0, done.output + done.errors
    return site


@pytest.fixture(autouse=True)
def _quiet(platform: Site) -> None:
    """No alarm fires, whatever the test before did."""
    for region in REGIONS[:2]:
        _set_alarm(platform, region, "OK")


def _set_alarm(site: Site, region: str, value: str) -> None:
    site.client("cloudwatch", region).set_alarm_state(
        AlarmName=alarm_name(region), StateValue=value, StateReason=f"a drill says {value}"
    )


def _waves(site: Site) -> list[tuple[str, list[str]]]:
    """Region and areas of each wave of the newest run."""
    return [
        (each["region"], [name.removeprefix(stack_name(each["region"], "")) for name in each["stacks"]])
        for each in site.events()
        if each["event"] == "wave"
    ]


def test_first_deployment_goes_region_by_region_and_the_edge_comes_last(platform: Site, first: Path) -> None:
    waves = [event for event in platform.events(platform.runs()[0]) if event["event"] == "wave"]
    assert [wave["region"] for wave in waves] == [HOME, EU, AP, HOME]
    assert waves[-1]["stacks"] == [stack_name(HOME, "edge")]
    assert sorted(name for wave in waves for name in wave["stacks"]) == sorted(assembly.read(first))


def test_second_deployment_finds_nothing_to_do(platform: Site, first: Path) -> None:
    done = platform.deploy(first)
    assert (done.status, "nothing to deploy" in done.output) == (0, True)


def test_dry_run_shows_waves_and_touches_nothing(platform: Site, synthesise: Synthesise) -> None:
    before = platform.runs()
    done = platform.deploy(synthesise(values=dict.fromkeys(REGIONS, "dry")), "--dry-run")
    assert done.status == 0
    shown = [line.split("│")[2].strip() for line in done.output.splitlines() if line.startswith("│")]
    assert shown == list(REGIONS)
    assert platform.runs() == before
    assert [platform.parameter(f"/small/{region}/says", region) for region in REGIONS] == ["first"] * 3


def test_readers_of_a_changed_output_are_updated_in_the_same_run(
    platform: Site, synthesise: Synthesise
) -> None:
    done = platform.deploy(synthesise(topics={EU: "renamed"}))
    assert done.status == 0, done.output + done.errors
    assert _waves(platform) == [(EU, ["network"]), (HOME, ["edge"])]
    assert platform.parameter(f"/small/{EU}/reads", EU).endswith(":renamed")
    assert platform.parameter("/small/edge/reads").endswith(":renamed")


def test_termination_protection_alone_is_deployed_and_taken_back(
    platform: Site, synthesise: Synthesise, first: Path
) -> None:
    """It is in no template."""
    data = stack_name(HOME, "data")

    def protected() -> bool:
        found = platform.client("cloudformation").describe_stacks(StackName=data)["Stacks"][0]
        return bool(found["EnableTerminationProtection"])

    for wanted in (True, False):
        done = platform.deploy(synthesise(protected=wanted), "--only", data)
        assert done.status == 0, done.output + done.errors
        assert protected() is wanted
        assert _waves(platform)[-1] == (HOME, ["data"])


def test_alarm_during_the_bake_halts_before_the_next_region_and_resume_finishes(
    platform: Site, synthesise: Synthesise
) -> None:
    changed = synthesise(topics={EU: "renamed"}, values={HOME: "baked", EU: "baked"})
    earlier = platform.runs()
    child = platform.start(*platform.deploying(changed, "--wave-bake", "60"))
    platform.until("bake", earlier, region=HOME)
    second = platform.deploy(changed)
    assert second.status == 1
    assert "is being changed by" in second.errors
    assert "wait for it" in second.errors
    _set_alarm(platform, HOME, "ALARM")
    _, errors = child.communicate()
    assert child.returncode == 1
    for part in ("halted before wave 2", alarm_name(HOME), "a drill says ALARM", RUNBOOK, "--resume"):
        assert part in errors
    assert platform.parameter(f"/small/{HOME}/says") == "baked"
    assert platform.parameter(f"/small/{EU}/says", EU) == "first"

    still = platform.deploy(changed, "--resume")
    assert (still.status, alarm_name(HOME) in still.errors) == (1, True)

    _set_alarm(platform, HOME, "OK")
    resumed = platform.deploy(changed, "--resume")
    assert resumed.status == 0, resumed.errors + resumed.output
    assert platform.parameter(f"/small/{EU}/says", EU) == "baked"
    assert [each["event"] for each in platform.events()].count("started") == 1


def test_alarm_that_the_deployment_mends_can_be_named(platform: Site, synthesise: Synthesise) -> None:
    changed = synthesise(topics={EU: "renamed"}, values={HOME: "baked", EU: "baked", AP: "despite"})
    _set_alarm(platform, EU, "ALARM")
    refused = platform.deploy(changed)
    assert refused.status == 1
    assert "halted before wave 1" in refused.errors
    assert platform.deploy(changed, "--despite", alarm_name(EU)).status == 0
    assert platform.parameter(f"/small/{AP}/says", AP) == "despite"


def test_run_killed_in_a_wave_finishes_when_it_is_run_again(platform: Site, synthesise: Synthesise) -> None:
    changed = synthesise(topics={EU: "killed"}, values={HOME: "baked", EU: "baked", AP: "despite"})
    earlier = platform.runs()
    child = platform.start(*platform.deploying(changed))
    platform.until("stack-started", earlier, stack=stack_name(EU, "network"))
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    again = platform.deploy(changed)
    assert again.status == 0, again.errors
    assert "took over the lock" in again.output
    assert platform.parameter(f"/small/{EU}/reads", EU).endswith(":killed")
    assert platform.parameter("/small/edge/reads").endswith(":killed")
    assert platform.deploy(changed).output.count("nothing to deploy") == 1


def test_failing_stack_halts_with_its_reason_and_the_regions_after_it_stay(
    platform: Site, synthesise: Synthesise
) -> None:
    values = {HOME: "baked", EU: "broken", AP: "broken"}
    failed = platform.deploy(synthesise(topics={EU: "killed"}, values=values, broken=EU))
    assert failed.status == 1
    assert stack_name(EU, "serving") in failed.errors
    assert "Broken (AWS::SSM::Parameter)" in failed.errors
    assert platform.parameter(f"/small/{AP}/says", AP) == "despite"
    mended = synthesise(topics={EU: "killed"}, values=values)
    other = platform.deploy(mended, "--resume")
    assert (other.status, "another state of the tree" in other.errors) == (1, True)
    assert platform.deploy(mended).status == 0
    assert platform.parameter(f"/small/{AP}/says", AP) == "broken"


def test_replacing_what_holds_state_needs_a_yes_that_names_it(platform: Site, synthesise: Synthesise) -> None:
    changed = synthesise(
        topics={EU: "killed"}, values={HOME: "baked", EU: "broken", AP: "broken"}, bucket="small-new"
    )
    name = f"{stack_name(HOME, 'data')}/Bucket"
    refused = platform.deploy(changed)
    assert refused.status == 1
    assert f"--yes {name}" in refused.errors
    odd = platform.deploy(changed, "--yes", f"{name}s")
    assert (odd.status, "it needs none" in odd.errors) == (2, True)
    assert platform.deploy(changed, "--yes", name).status == 0


def test_stale_plan_is_refused_and_says_what_moved(
    platform: Site, synthesise: Synthesise, tmp_path: Path
) -> None:
    values = {HOME: "planned", EU: "broken", AP: "broken"}
    planned = synthesise(topics={EU: "killed"}, values=values, bucket="small-new")
    environment = load_environment("local")
    after = assembly.read(planned)
    before = deployed.read(environment, after.values())
    plan = tmp_path / "plan.json"
    seen = fingerprint(before, after)
    plan.write_text(json.dumps({"environment": "local", "fingerprint": seen.document()}))
    moved = synthesise(topics={EU: "killed"}, values=values | {AP: "moved"}, bucket="small-new")
    stale = platform.deploy(moved, "--plan", str(plan))
    assert stale.status == 1
    assert f"{stack_name(AP, 'serving')} changed in the working tree" in stale.errors
    assert platform.deploy(planned, "--plan", str(plan)).status == 0
    assert (
        f"{stack_name(HOME, 'serving')} changed as deployed"
        in platform.deploy(moved, "--plan", str(plan)).errors
    )


def test_stack_whose_creation_was_rolled_back_is_named_with_what_to_do(
    platform: Site, synthesise: Synthesise
) -> None:
    name, formation = stack_name(AP, "serving"), platform.client("cloudformation", AP)
    here = Formation(Account("local"), load_environment("local"))
    now = synthesise(
        topics={EU: "killed"}, values={HOME: "planned", EU: "broken", AP: "broken"}, bucket="small-new"
    )
    formation.delete_stack(StackName=name)
    assert here.settle(name, AP, look=0.1) is None
    taken = {"Name": "/small/taken", "Type": "String", "Value": "taken"}
    broken = [{"Type": "AWS::SSM::Parameter", "Properties": taken}] * 2
    template = {"Resources": dict(zip(("First", "Second"), broken, strict=True))}
    formation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    here.settle(name, AP, look=0.1)
    stuck = platform.deploy(now)
    assert stuck.status == 1
    delete = f"`aws cloudformation delete-stack --region {AP} --stack-name {name}`"
    assert f"{name} is in ROLLBACK_COMPLETE: " in stuck.errors
    assert delete in stuck.errors
    formation.delete_stack(StackName=name)
    here.settle(name, AP, look=0.1)
    assert platform.deploy(now).status == 0
    assert platform.parameter(f"/small/{AP}/says", AP) == "broken"


def test_only_a_region_is_deployed_when_asked(platform: Site, synthesise: Synthesise) -> None:
    values = {HOME: "only", EU: "only", AP: "broken"}
    changed = synthesise(topics={EU: "killed"}, values=values, bucket="small-new")
    assert platform.deploy(changed, "--only", EU).status == 0
    assert platform.parameter(f"/small/{EU}/says", EU) == "only"
    assert platform.parameter(f"/small/{HOME}/says") != "only"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--only", "mars-north-1"], 2, "--only mars-north-1: no such region or stack"),
        (["--resume"], 2, "no run of local is unfinished"),
        (["--plan", "missing.json"], 2, "missing.json cannot be read"),
        (["--yes", "plan"], 2, "give the plan with --plan FILE"),
    ],
)
def test_wrong_argument_is_one_line(
    platform: Site, synthesise: Synthesise, arguments: list[str], status: int, said: str
) -> None:
    done = platform.deploy(synthesise(values=dict.fromkeys(REGIONS, "wrong"), bucket="small-new"), *arguments)
    assert (done.status, said in done.errors) == (status, True), done.errors


def test_assembly_of_the_placeholder_account_is_refused(platform: Site, synthesise: Synthesise) -> None:
    done = platform.deploy(synthesise(account=PLACEHOLDER_ACCOUNT))
    assert (done.status, "placeholder account" in done.errors) == (1, True)


def test_interrupted_run_gives_the_lock_back_and_says_how_to_go_on(
    platform: Site, synthesise: Synthesise
) -> None:
    values = {HOME: "only", EU: "only", AP: "interrupted"}
    changed = synthesise(topics={EU: "killed"}, values=values, bucket="small-new")
    earlier = platform.runs()
    child = platform.start(*platform.deploying(changed))
    platform.until("stack-started", earlier)
    child.send_signal(signal.SIGTERM)
    output, _ = child.communicate()
    assert child.returncode == 130
    assert "CloudFormation goes on with what it had begun" in output
    assert "--resume" in output
    account = Account("local")
    assert Lock(account, Store(account, load_environment("local"))).holder() is None


def test_resumed_run_deploys_what_it_began_with_and_no_more(platform: Site, synthesise: Synthesise) -> None:
    values = {HOME: "more", EU: "more", AP: "interrupted"}
    changed = synthesise(topics={EU: "killed"}, values=values, bucket="small-new")
    _set_alarm(platform, EU, "ALARM")
    halted = platform.deploy(changed, "--only", EU)
    assert "halted before wave 1" in halted.errors
    _set_alarm(platform, EU, "OK")
    assert platform.deploy(changed, "--resume").status == 0
    said = [platform.parameter(f"/small/{region}/says", region) for region in (HOME, EU)]
    assert (said[0] == "more", said[1]) == (False, "more")
