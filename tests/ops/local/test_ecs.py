"""Services and one-off tasks as processes, behind a real load balancer process, through the API only."""

from collections.abc import Iterator

import pytest

from ops.local import aws
from ops.local.paths import PYTHON
from ops.local.reconcilers.tasks import Host
from tests.ops.local.conftest import eventually
from tests.ops.local.ecs_platform import REGION, Platform


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("ecs")
    run = folder / "run"
    run.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RICHESREACH_STATE_DIR", str(folder))
        running = Platform(Host(aws.client, folder / "logs", folder / "tasks", PYTHON), run)
        try:
            # The load balancer first, so that it has the first address.
            eventually(lambda: running.processes)
            aws.client("ecs", REGION).create_service(
                cluster=running.cluster,
                serviceName="web",
                taskDefinition=running.version("one"),
                desiredCount=2,
                loadBalancers=[
                    {"targetGroupArn": running.group, "containerName": "app", "containerPort": 8000}
                ],
            )
            eventually(lambda: running.serves("one"))
            yield running
        finally:
            running.close()


def test_service_runs_its_desired_count_behind_the_load_balancer(platform: Platform) -> None:
    assert platform.services["web"].healthy == 2
    assert platform.get().startswith("one")


def test_new_revision_replaces_the_old_one_without_a_failed_request(platform: Platform) -> None:
    with platform.asked() as heard:
        platform.deploy(platform.version("two"))
        eventually(lambda: platform.serves("two") and platform.services["web"].running == 2)
    assert not heard.failures
    assert len(heard.answers) == 2


def test_missing_secret_is_named_and_the_old_revision_serves_on(platform: Platform) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:{aws.ACCOUNT}:secret:absent-AbCdEf:token::"
    platform.deploy(platform.version("three", secrets=[{"name": "TOKEN", "valueFrom": arn}]))
    eventually(lambda: platform.status() == "failing")
    assert "absent-AbCdEf not found" in platform.services["web"].reason
    assert platform.get().startswith("two")


def test_service_recovers_when_the_secret_appears(platform: Platform) -> None:
    manager = aws.client("secretsmanager", REGION)
    arn = manager.create_secret(Name="token", SecretString='{"token": "s3cret"}')["ARN"]
    platform.deploy(platform.version("four", secrets=[{"name": "TOKEN", "valueFrom": f"{arn}:token::"}]))
    eventually(lambda: platform.serves("four s3cret"))


def test_crashing_revision_is_failing_with_its_last_error_without_secrets(platform: Platform) -> None:
    arn = aws.client("secretsmanager", REGION).describe_secret(SecretId="token")["ARN"]
    crash = "import os; raise ValueError('bad token ' + os.environ['TOKEN'])"
    secrets = [{"name": "TOKEN", "valueFrom": f"{arn}:token::"}]
    platform.deploy(platform.version("five", command=["python", "-c", crash], secrets=secrets))
    # Between two starts the reason is the target's.
    reason = "exit code 1: ValueError: bad token ***"
    eventually(lambda: platform.status() == "failing" and platform.services["web"].reason == reason)
    assert platform.get().startswith("four")


def test_wrong_health_path_is_failing_with_the_health_of_the_target(platform: Platform) -> None:
    elbv2 = aws.client("elbv2", REGION)
    platform.deploy(platform.version("six"))
    eventually(lambda: platform.serves("six"))
    elbv2.modify_target_group(
        TargetGroupArn=platform.group, HealthCheckPath="/absent", HealthCheckIntervalSeconds=5
    )
    platform.deploy(platform.version("seven"))
    eventually(lambda: platform.status() == "failing" and "404" in platform.services["web"].reason)
    elbv2.modify_target_group(
        TargetGroupArn=platform.group, HealthCheckPath="/health", HealthCheckIntervalSeconds=5
    )
    eventually(lambda: platform.serves("seven"))


def test_container_without_command_is_failing_with_the_mend(platform: Platform) -> None:
    ecs = aws.client("ecs", REGION)
    definition = platform.register("silent", command=[], portMappings=[])
    ecs.create_service(
        cluster=platform.cluster, serviceName="silent", taskDefinition=definition, desiredCount=1
    )
    eventually(lambda: platform.status("silent") == "failing")
    assert "neither Command nor EntryPoint" in platform.services["silent"].reason
    ecs.delete_service(cluster=platform.cluster, service="silent", force=True)


def test_one_off_task_reports_its_exit_code(platform: Platform) -> None:
    definition = platform.register("migrate", command=["python", "-c", "raise SystemExit(3)"])
    assert platform.run_task(definition)["containers"][0]["exitCode"] == 3


def test_one_off_task_takes_overrides(platform: Platform) -> None:
    definition = platform.register("migrate")
    command = ["python", "-c", "import os; raise SystemExit(int(os.environ['CODE']))"]
    ended = platform.run_task(definition, command=command, environment=[{"name": "CODE", "value": "0"}])
    assert ended["containers"][0]["exitCode"] == 0


def test_one_off_task_with_a_missing_secret_stops_with_the_reason(platform: Platform) -> None:
    definition = platform.register("migrate", secrets=[{"name": "KEY", "valueFrom": "/absent/parameter"}])
    ended = platform.run_task(definition)
    assert "parameter /absent/parameter" in ended["stoppedReason"]
    assert "exitCode" not in ended["containers"][0]


def test_deleted_service_leaves_no_task(platform: Platform) -> None:
    aws.client("ecs", REGION).delete_service(cluster=platform.cluster, service="web", force=True)
    eventually(lambda: not platform.ecs.services and not platform.tasks)
