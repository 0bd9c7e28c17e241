"""Blue/green deployments behind a real load balancer process: traffic moves by its rule, and back."""

from collections.abc import Iterator

import pytest

from ops.local import aws
from ops.local.paths import PYTHON
from ops.local.reconcilers.tasks import Host
from tests.loopback import OTHER_TASKS
from tests.ops.local.conftest import eventually
from tests.ops.local.ecs_platform import REGION, Platform

ALARM = "blue-green-errors"


def rule(platform: Platform) -> str:
    """A rule over both groups, all traffic to the first."""
    groups = [(platform.group, 100), (platform.alternate, 0)]
    weighted = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    made = aws.client("elbv2", REGION).create_rule(
        ListenerArn=platform.listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}],
    )
    return str(made["Rules"][0]["RuleArn"])


def live(platform: Platform, arn: str) -> str:
    """The group that the rule gives all traffic to."""
    action = aws.client("elbv2", REGION).describe_rules(RuleArns=[arn])["Rules"][0]["Actions"][0]
    (group,) = [g["TargetGroupArn"] for g in action["ForwardConfig"]["TargetGroups"] if g["Weight"]]
    return str(group)


def bake(platform: Platform, minutes: int) -> None:
    aws.client("ecs", REGION).update_service(
        cluster=platform.cluster, service="web", deploymentConfiguration=configuration(minutes)
    )


def configuration(minutes: int) -> dict[str, object]:
    return {
        "strategy": "BLUE_GREEN",
        "bakeTimeInMinutes": minutes,
        "alarms": {"alarmNames": [ALARM], "enable": True, "rollback": True},
    }


def alarm(state: str) -> None:
    aws.client("cloudwatch", REGION).set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="test")


@pytest.fixture(scope="module")
def production(platform: Platform) -> str:
    return rule(platform)


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("blue-green")
    run = folder / "run"
    run.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RICHESREACH_STATE_DIR", str(folder))
        host = Host(aws.client, folder / "logs", folder / "tasks", PYTHON)
        running = Platform(host, run, cluster="blue-green", network=OTHER_TASKS)
        try:
            eventually(lambda: running.processes)
            yield running
        finally:
            running.close()


@pytest.fixture(scope="module")
def service(platform: Platform, production: str) -> str:
    """The service at its first revision; answers its production rule."""
    aws.client("cloudwatch", REGION).put_metric_alarm(
        AlarmName=ALARM,
        Namespace="Test",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    entry = {
        "targetGroupArn": platform.group,
        "containerName": "app",
        "containerPort": 8000,
        "advancedConfiguration": {
            "alternateTargetGroupArn": platform.alternate,
            "productionListenerRule": production,
            "roleArn": "arn:aws:iam::000000000000:role/traffic",
        },
    }
    aws.client("ecs", REGION).create_service(
        cluster=platform.cluster,
        serviceName="web",
        taskDefinition=platform.version("one"),
        desiredCount=1,
        loadBalancers=[entry],
        deploymentConfiguration=configuration(0),
    )
    eventually(lambda: platform.serves("one"))
    return production


def test_first_revision_takes_the_group_that_has_the_traffic(platform: Platform, service: str) -> None:
    assert live(platform, service) == platform.group


def test_new_revision_takes_the_other_group_and_the_traffic_without_a_failed_request(
    platform: Platform, service: str
) -> None:
    with platform.asked() as heard:
        platform.deploy(platform.version("two"))
        eventually(lambda: platform.serves("two") and platform.services["web"].running == 1)
    assert not heard.failures
    assert live(platform, service) == platform.alternate


def test_revision_that_fails_never_gets_the_traffic(platform: Platform, service: str) -> None:
    before = live(platform, service)
    platform.deploy(platform.version("three", command=["python", "-c", "raise SystemExit(1)"]))
    eventually(lambda: platform.status() == "failing")
    assert live(platform, service) == before
    assert platform.get().startswith("two")


def test_baking_revision_serves_beside_the_old_tasks(platform: Platform, service: str) -> None:
    bake(platform, 5)
    before = live(platform, service)
    platform.deploy(platform.version("four"))
    eventually(lambda: "baking" in platform.services["web"].reason and platform.get().startswith("four"))
    assert platform.services["web"].running == 2
    assert live(platform, service) != before


def test_alarm_while_baking_sends_the_traffic_back(platform: Platform, service: str) -> None:
    alarm("ALARM")
    eventually(lambda: platform.status() == "failing" and platform.get().startswith("two"))
    assert platform.services["web"].reason == (
        f"sent back to the previous revision: alarm {ALARM} is in ALARM"
    )
    eventually(lambda: platform.services["web"].running == 1)


def test_alarm_that_fired_before_a_deployment_does_not_send_it_back(platform: Platform, service: str) -> None:
    bake(platform, 0)
    platform.deploy(platform.version("five"))
    eventually(lambda: platform.serves("five"))
    alarm("OK")
