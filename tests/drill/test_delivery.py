"""A deployment over three regions that halts, is killed, goes on; and the end of it all. `make drill`.

In this order on one platform: each drill leaves it as the next one expects it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from ops.local import aws, paths
from tests.drill.conftest import Synthesise, events, levels, richesreach, run, runs, until

HOME, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-1"
ALARM = "richesreach-local-region-impaired"


def deploying(assembly: Path, *arguments: str) -> list[str]:
    return richesreach("deploy", "--env", "local", "--assembly", str(assembly), *arguments)


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def serving() -> bool:
    return run(richesreach("smoke"))[0] == 0


def test_what_up_deployed_is_what_deploy_would() -> None:
    status, said = run(richesreach("deploy", "--env", "local"))
    assert (status, "nothing to deploy" in said) == (0, True), said


def test_alarm_in_the_bake_halts_before_the_next_region_and_resume_finishes(
    with_log_level: Synthesise,
) -> None:
    assembly, before = with_log_level("DEBUG"), runs()
    child = start(deploying(assembly, "--wave-bake", "120"))
    until("bake", before, region=HOME)
    status, said = run(deploying(assembly))
    assert (status, "is being changed by" in said) == (1, True), said

    cloudwatch = aws.client("cloudwatch", HOME)
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a drill")
    output, errors = child.communicate()
    assert child.returncode == 1, output + errors
    assert f"before wave 2: {ALARM} in {HOME} is in ALARM: a drill" in errors
    assert "region-impaired.md" in errors
    assert levels() == {HOME: "DEBUG", EU: "INFO", AP: "INFO"}
    assert serving()

    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="over")
    status, said = run(deploying(assembly, "--resume"))
    assert status == 0, said
    assert levels() == {HOME: "DEBUG", EU: "DEBUG", AP: "DEBUG"}
    assert serving()


def test_run_killed_in_a_wave_finishes_when_it_is_run_again(with_log_level: Synthesise) -> None:
    assembly, before = with_log_level("INFO"), runs()
    child = start(deploying(assembly))
    until("stack-started", before, region=EU)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    status, said = run(deploying(assembly))
    assert (status, "took over the lock" in said) == (0, True), said
    assert levels() == {HOME: "INFO", EU: "INFO", AP: "INFO"}
    assert serving()


def test_destroy_leaves_what_was_retained_and_says_what() -> None:
    status, said = run(richesreach("destroy", "--env", "local", "--yes", "local"))
    assert status == 0, said
    assert "DB cluster snapshot" in said
    assert "AWS::Lambda::Version" in said
    for region in (HOME, EU, AP):
        listed = aws.client("cloudformation", region).describe_stacks()["Stacks"]
        assert {each["StackName"] for each in listed} == {"CDKToolkit"}
    steps = [(each["action"], each.get("region")) for each in events(runs()[-1]) if each["event"] == "step"]
    assert steps[0] == ("delete-cluster", HOME)
    assert [each for each in steps if each[0] == "detach"][-1] == ("detach", HOME)
