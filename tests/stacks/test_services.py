"""What a manifest becomes in a region: service, tasks, variables, scaling, the way in."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.manifest import load_manifests
from tests.stacks.assembly import Assembly, Resource

WRITER = "us-east-1"
OTHERS = ("eu-west-1", "ap-southeast-1")
REGIONS = (WRITER, *OTHERS)
GATEWAY = next(found for found in load_manifests() if found.default)

#: Variables whose value would be a credential rather than a place or a name.
SECRET_LOOKING = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|_USER$", re.IGNORECASE)


def container(assembly: Assembly, region: str, family: str = "gateway") -> dict[str, Any]:
    """The service's own container of one task definition."""
    name = f"richesreach-{assembly.environment}-{family}"
    task = assembly.one(region, "ecs", "AWS::ECS::TaskDefinition", Family=name)
    only = task.properties["ContainerDefinitions"][0]
    found: dict[str, Any] = only
    return found


def variables(assembly: Assembly, region: str, family: str = "gateway") -> dict[str, Any]:
    return {entry["Name"]: entry["Value"] for entry in container(assembly, region, family)["Environment"]}


def hosts(dsn: dict[str, Any]) -> list[str]:
    """Region of each host of a DSN, in its order."""
    parts = dsn["Fn::Join"][1]
    return [part["Fn::GetStackOutput"]["Region"] for part in parts if isinstance(part, dict)]


@pytest.mark.parametrize(
    ("name", "counts"), [("prod", (2, 3, 10)), ("local", (1, 1, 2))], ids=["prod", "local"]
)
def test_service_runs_as_many_tasks_as_its_environment_says(
    name: str, counts: tuple[int, int, int], request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    for region in REGIONS:
        services = assembly.all(region, "ecs", "AWS::ECS::Service")
        targets = assembly.all(region, "ecs", "AWS::ApplicationAutoScaling::ScalableTarget")
        assert len(services) == len(targets) == len(load_manifests())
        for service, target in zip(services, targets, strict=True):
            found = (target.properties["MinCapacity"], service.properties["DesiredCount"])
            assert (*found, target.properties["MaxCapacity"]) == counts


def test_service_scales_on_cpu_and_memory(prod: Assembly) -> None:
    policies = prod.all(WRITER, "ecs", "AWS::ApplicationAutoScaling::ScalingPolicy")
    tracked = {
        p.properties["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]
        for p in policies
        if "PredefinedMetricSpecification" in p.properties["TargetTrackingScalingPolicyConfiguration"]
    }
    assert tracked == {"ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"}


@pytest.mark.parametrize("region", REGIONS)
def test_failed_deployment_is_rolled_back(region: str, prod: Assembly) -> None:
    for service in prod.all(region, "ecs", "AWS::ECS::Service"):
        deployment = service.properties["DeploymentConfiguration"]
        assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert deployment["MinimumHealthyPercent"] == 100


@pytest.mark.parametrize("region", REGIONS)
def test_target_group_checks_what_the_manifest_says(region: str, prod: Assembly) -> None:
    health = GATEWAY.health
    for group in (g.properties for g in prod.all(region, "ecs", "AWS::ElasticLoadBalancingV2::TargetGroup")):
        assert (group["Port"], group["HealthCheckPath"]) == (GATEWAY.port, health.path)
        assert group["HealthCheckIntervalSeconds"] == health.interval
        assert group["HealthCheckTimeoutSeconds"] == health.timeout
        assert group["HealthyThresholdCount"] == health.healthy_threshold
        assert group["UnhealthyThresholdCount"] == health.unhealthy_threshold
        assert (group["TargetType"], group["Matcher"]) == ("ip", {"HttpCode": "200"})


@pytest.mark.parametrize("family", ["gateway", "gateway-migrate"])
def test_credentials_come_by_reference_from_the_regions_own_replica(family: str, prod: Assembly) -> None:
    secrets = {s["Name"]: s["ValueFrom"] for s in container(prod, WRITER, family)["Secrets"]}
    arn = f"arn:aws:secretsmanager:{WRITER}:111111111111:secret:richesreach/prod"
    assert secrets == {
        "DATABASE_USER": f"{arn}/database:username::",
        "DATABASE_PASSWORD": f"{arn}/database:password::",
        "REDIS_USERNAME": f"{arn}/cache/app:username::",
        "REDIS_PASSWORD": f"{arn}/cache/app:password::",
        "GLOBAL_CACHE_USERNAME": f"{arn}/global-cache/app:username::",
        "GLOBAL_CACHE_PASSWORD": f"{arn}/global-cache/app:password::",
    }


@pytest.mark.parametrize("name", ["prod", "local", "single", "twelve"])
def test_no_plain_variable_looks_like_a_secret(name: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    for region in assembly.regions("ecs"):
        for task in assembly.all(region, "ecs", "AWS::ECS::TaskDefinition"):
            for entry in task.properties["ContainerDefinitions"][0]["Environment"]:
                assert not SECRET_LOOKING.search(entry["Name"]), entry
                assert "resolve:secretsmanager" not in str(entry["Value"]), entry
                assert "@" not in str(entry["Value"]), f"{entry}: credentials in an address"


@pytest.mark.parametrize("region", REGIONS)
def test_root_file_system_is_read_only(region: str, prod: Assembly) -> None:
    for task in prod.all(region, "ecs", "AWS::ECS::TaskDefinition"):
        only = task.properties["ContainerDefinitions"][0]
        assert only["ReadonlyRootFilesystem"] is True
        assert [m["ContainerPath"] for m in only["MountPoints"] if not m["ReadOnly"]] == ["/tmp"]  # noqa: S108


@pytest.mark.parametrize("region", REGIONS)
def test_nobody_gets_a_shell_or_a_public_address(region: str, prod: Assembly) -> None:
    for service in (found.properties for found in prod.all(region, "ecs", "AWS::ECS::Service")):
        assert service["EnableExecuteCommand"] is False
        assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


@pytest.mark.parametrize("region", REGIONS)
def test_writes_try_the_writers_cluster_first_and_every_other_after_it(region: str, prod: Assembly) -> None:
    dsn = variables(prod, region)["DATABASE_WRITER_DSN"]
    assert hosts(dsn) == [WRITER, *OTHERS]
    assert "target_session_attrs=read-write" in dsn["Fn::Join"][1][-1]


@pytest.mark.parametrize("region", REGIONS)
def test_reads_try_the_own_cluster_first_and_every_other_after_it(region: str, prod: Assembly) -> None:
    dsn = variables(prod, region)["DATABASE_READER_DSN"]
    assert hosts(dsn)[0] == region
    assert sorted(hosts(dsn)) == sorted(REGIONS)
    assert "target_session_attrs=any" in dsn["Fn::Join"][1][-1]


def test_reads_go_to_reader_endpoints_and_writes_to_cluster_endpoints(prod: Assembly) -> None:
    given = variables(prod, WRITER)
    for name, attribute in (("WRITER", "Endpoint.Address"), ("READER", "ReadEndpoint.Address")):
        for part in given[f"DATABASE_{name}_DSN"]["Fn::Join"][1]:
            if isinstance(part, dict):
                output = part["Fn::GetStackOutput"]
                value = prod.templates[output["StackName"]]["Outputs"][output["OutputName"]]["Value"]
                assert value["Fn::GetAtt"][1] == attribute


def test_moved_writer_is_tried_first(moved_writer: Assembly) -> None:
    given = variables(moved_writer, "ap-southeast-1")
    assert hosts(given["DATABASE_WRITER_DSN"])[0] == "eu-west-1"
    assert (given["WRITER_REGION"], given["HOME_REGION"]) == ("eu-west-1", "us-east-1")
    assert given["GLOBAL_CACHE_WRITER_HOST"]["Fn::GetStackOutput"]["Region"] == "eu-west-1"


def test_database_certificates_are_verified_in_prod_and_absent_locally(
    prod: Assembly, local: Assembly
) -> None:
    assert "sslmode=verify-full&sslrootcert=" in str(variables(prod, WRITER)["DATABASE_WRITER_DSN"])
    assert "sslmode=disable" in str(variables(local, WRITER)["DATABASE_WRITER_DSN"])


@pytest.mark.parametrize("region", REGIONS)
def test_cache_is_the_regions_own(region: str, prod: Assembly) -> None:
    given = variables(prod, region)
    for name in ("REDIS_PRIMARY_HOST", "REDIS_SECONDARY_HOST", "GLOBAL_CACHE_HOST"):
        assert given[name]["Fn::GetStackOutput"]["Region"] == region
    assert given["GLOBAL_CACHE_WRITER_HOST"]["Fn::GetStackOutput"]["Region"] == WRITER


def test_region_without_data_reads_from_the_nearest_one(twelve: Assembly) -> None:
    given = variables(twelve, "ap-southeast-3")
    assert hosts(given["DATABASE_READER_DSN"])[0] == "ap-southeast-1"
    assert len(hosts(given["DATABASE_READER_DSN"])) == 11
    assert given["REDIS_PRIMARY_HOST"]["Fn::GetStackOutput"]["Region"] == "ap-southeast-3"


@pytest.mark.parametrize("region", REGIONS)
def test_task_knows_where_it_runs(region: str, prod: Assembly) -> None:
    given = variables(prod, region)
    assert (given["SERVICE_NAME"], given["ENVIRONMENT"]) == ("gateway", "prod")
    assert (given["AWS_REGION"], given["HOME_REGION"]) == (region, "us-east-1")
    assert given["PORT"] == str(container(prod, region)["PortMappings"][0]["ContainerPort"]) == "8000"
    assert given["S3_BUCKET"] == f"richesreach-prod-lake-111111111111-{region}"


@pytest.mark.parametrize("region", REGIONS)
def test_task_knows_whose_tokens_to_believe(region: str, prod: Assembly) -> None:
    given = variables(prod, region)
    sources = [given[name] for name in ("IDENTITY_ISSUER", "IDENTITY_CLIENTS", "USER_POOL_ID")]
    assert all("richesreach-prod-us-east-1-edge-state" in str(source) for source in sources)


@pytest.mark.parametrize("region", REGIONS)
def test_who_manages_users_does_so_in_the_one_pool(region: str, prod: Assembly) -> None:
    found = [
        statement
        for policy in prod.policies(region, "ecs")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "ManageUsers"
    ]
    assert found
    for statement in found:
        assert "IdentityPool" in str(statement["Resource"])
        assert "*" not in str(statement["Action"])


def test_migration_runs_in_the_writer_region_alone(prod: Assembly, moved_writer: Assembly) -> None:
    for assembly, writer in ((prod, "us-east-1"), (moved_writer, "eu-west-1")):
        running = [region for region in REGIONS if assembly.all(region, "ecs", "Custom::RunTask")]
        assert running == [writer]


def migration(assembly: Assembly) -> tuple[Resource, Resource]:
    """The custom resource that runs the migration, and the service that waits for it."""
    (run,) = [r for r in assembly.all(WRITER, "ecs", "Custom::RunTask") if "gatewaymigrate" in r.logical_id]
    return run, assembly.one(WRITER, "ecs", "AWS::ECS::Service", ServiceName="gateway")


def test_migration_ends_before_the_service_changes(prod: Assembly) -> None:
    run, service = migration(prod)
    assert run.logical_id in service.depends_on


def test_migration_starts_after_its_role_may_read_the_secret(prod: Assembly) -> None:
    run, _ = migration(prod)
    task = prod.one(WRITER, "ecs", "AWS::ECS::TaskDefinition", Family="richesreach-prod-gateway-migrate")
    (policy,) = [
        policy.logical_id
        for policy in prod.policies(WRITER, "ecs")
        if "secretsmanager:GetSecretValue" in str(policy.properties) and "gateway" in policy.logical_id
    ]
    assert policy in task.depends_on
    assert run.properties["TaskDefinition"] == {"Ref": task.logical_id}


def test_migration_runs_the_manifests_command_in_the_services_image(prod: Assembly) -> None:
    task, service = container(prod, WRITER, "gateway-migrate"), container(prod, WRITER)
    assert task["Command"] == GATEWAY.tasks[0].command
    assert task["Image"] == service["Image"]
    assert service["Command"] == GATEWAY.command


def test_runner_of_the_migration_may_start_its_own_task_and_no_other(prod: Assembly) -> None:
    definition = prod.one(
        WRITER, "ecs", "AWS::ECS::TaskDefinition", Family="richesreach-prod-gateway-migrate"
    )
    allowed = [
        statement
        for policy in prod.policies(WRITER, "ecs")
        if "gatewaymigrate" in policy.logical_id
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "ecs:RunTask" in statement["Action"]
    ]
    assert [s["Resource"] for s in allowed] == [{"Ref": definition.logical_id}]


def test_no_role_of_a_task_may_do_everything(prod: Assembly) -> None:
    for region in REGIONS:
        for policy in prod.policies(region, "ecs"):
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                listed = [actions] if isinstance(actions, str) else actions
                assert not [action for action in listed if action.endswith(":*") or action == "*"]


def test_tasks_of_prod_run_on_graviton(prod: Assembly) -> None:
    for region in REGIONS:
        for task in prod.all(region, "ecs", "AWS::ECS::TaskDefinition"):
            assert task.properties["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
        own = prod.one(region, "ecs", "AWS::ECS::TaskDefinition", Family="richesreach-prod-gateway")
        sizes = (own.properties["Cpu"], own.properties["Memory"])
        assert sizes == (str(GATEWAY.cpu), str(GATEWAY.memory))


def test_listener_of_prod_speaks_tls_with_the_regions_certificate(prod: Assembly) -> None:
    for region in REGIONS:
        certificate = prod.one(region, "ecs", "AWS::CertificateManager::Certificate")
        listener = prod.one(region, "ecs", "AWS::ElasticLoadBalancingV2::Listener").properties
        assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
        assert listener["Certificates"] == [{"CertificateArn": {"Ref": certificate.logical_id}}]
        assert "TLS13" in listener["SslPolicy"]


def test_load_balancer_logs_to_the_regions_log_bucket(prod: Assembly) -> None:
    for region in REGIONS:
        balancer = prod.one(region, "ecs", "AWS::ElasticLoadBalancingV2::LoadBalancer").properties
        said = {a["Key"]: a["Value"] for a in balancer["LoadBalancerAttributes"]}
        assert said["access_logs.s3.enabled"] == "true"
        assert said["access_logs.s3.bucket"] == f"richesreach-prod-logs-111111111111-{region}"
        assert said["deletion_protection.enabled"] == "true"
        assert said["routing.http.drop_invalid_header_fields.enabled"] == "true"
        assert balancer["Name"] == "richesreach-prod"


def test_only_load_balancer_and_neighbours_reach_a_service(prod: Assembly) -> None:
    for region in REGIONS:
        found = [r.properties for r in prod.all(region, "ecs", "AWS::EC2::SecurityGroupIngress")]
        # A group of another stack is the brokers'.
        inward = [rule for rule in found if "Fn::GetAtt" in rule["GroupId"]]
        rules = [rule for rule in inward if "SourceSecurityGroupId" in rule]
        ports: dict[str, set[int]] = {}
        for r in rules:
            source = str(r["SourceSecurityGroupId"])
            name = next(name for name in ("Neighbours", "LoadBalancer") if name in source)
            ports.setdefault(name, set()).update((r["FromPort"], r["ToPort"]))
        # gRPC is for neighbours alone.
        assert ports == {"LoadBalancer": {GATEWAY.port}, "Neighbours": {GATEWAY.port, GATEWAY.grpc}}


def test_allowed_networks_of_the_load_balancer_come_from_the_file(local: Assembly) -> None:
    networks = load_environment("local").load_balancer.allowed_cidrs
    for region in REGIONS:
        groups = local.all(region, "ecs", "AWS::EC2::SecurityGroup")
        rules = [r for g in groups for r in g.properties.get("SecurityGroupIngress", [])]
        assert [rule["CidrIp"] for rule in rules if "CidrIp" in rule] == networks
