"""How a service is placed, how a revision takes its viewers over, and what its count follows."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.manifest import PRIORITIES
from stacks.platform import build
from tests.stacks.assembly import Assembly, Resource
from tests.stacks.test_manifests import GATEWAY, MARKET
from tests.stacks.test_manifests import load as manifests_of

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
HOME = REGIONS[0]
GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"

#: A service of another kind beside the gateway: a stream consumer with a prefix of the lake and a schedule.
CONSUMER = MARKET | {
    "needs": ["stream", "lake", "lake:raw/market_data", "secrets:providers/polygon"],
    "stream": {"reads": ["market.ticks"], "writes": ["market.bars"], "groups": ["market-data.bars"]},
    "scaling": {
        "requests_per_target": 600,
        "concurrency": 40,
        "lag": {"topic": "market.ticks", "group": "market-data.bars", "messages_per_task": 5000},
    },
    "tasks": [
        {"name": "compact", "command": ["true"], "run": "schedule", "schedule": "cron(0 3 * * ? *)"},
    ],
}
INTERNAL = CONSUMER | {
    "name": "stream",
    "paths": [],
    "scaling": {},
    "tasks": [],
    "stream": {"reads": ["market.ticks"], "groups": ["stream"]},
}


@pytest.fixture(scope="module")
def three_services(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Staging with three services: the gateway, one with everything, one that no viewer reaches."""
    folder = tmp_path_factory.mktemp("three-services")
    manifests = manifests_of(folder, GATEWAY, CONSUMER, INTERNAL)
    environment = load_environment("staging").model_copy(update={"cdk_nag": False})
    out = tmp_path_factory.mktemp("three-services-out") / "cdk.out"
    build(environment, "111111111111", manifests, outdir=str(out)).synth()
    return Assembly(out, "staging")


def service(assembly: Assembly, region: str = HOME, name: str = "gateway") -> Resource:
    return assembly.one(region, "ecs", "AWS::ECS::Service", ServiceName=name)


def groups_of_gateway(assembly: Assembly, region: str) -> set[str]:
    return {g.logical_id for g in assembly.all(region, "ecs", GROUP) if g.logical_id.startswith("gateway")}


def rules_of_gateway(assembly: Assembly, region: str) -> dict[str, Resource]:
    """The rules that forward to its groups."""
    groups = groups_of_gateway(assembly, region)
    return {r.logical_id: r for r in assembly.all(region, "ecs", RULE) if targets(r) == groups}


def targets(rule: Resource) -> set[str]:
    forward = rule.properties["Actions"][0].get("ForwardConfig", {})
    return {group["TargetGroupArn"]["Ref"] for group in forward.get("TargetGroups", ())}


def weights(rule: Resource) -> list[int]:
    return [g["Weight"] for g in rule.properties["Actions"][0]["ForwardConfig"]["TargetGroups"]]


@pytest.mark.parametrize("region", REGIONS)
def test_prod_deploys_blue_green_with_bake_time_and_alarms_that_roll_back(
    region: str, prod: Assembly
) -> None:
    deployment = service(prod, region).properties["DeploymentConfiguration"]
    assert (deployment["Strategy"], deployment["BakeTimeInMinutes"]) == ("BLUE_GREEN", 10)
    alarms = [
        a.properties["AlarmName"]
        for a in prod.all(region, "ecs", "AWS::CloudWatch::Alarm")
        if a.logical_id.startswith("gateway")
    ]
    assert sorted(deployment["Alarms"]["AlarmNames"]) == sorted(alarms)
    assert (deployment["Alarms"]["Enable"], deployment["Alarms"]["Rollback"]) == (True, True)


@pytest.mark.parametrize("region", REGIONS)
def test_ecs_is_given_both_groups_and_the_rules_to_move(region: str, prod: Assembly) -> None:
    (entry,) = service(prod, region).properties["LoadBalancers"]
    advanced = entry["AdvancedConfiguration"]
    groups = {entry["TargetGroupArn"]["Ref"], advanced["AlternateTargetGroupArn"]["Ref"]}
    assert groups == groups_of_gateway(prod, region)
    rules = rules_of_gateway(prod, region)
    assert {advanced["ProductionListenerRule"]["Ref"], advanced["TestListenerRule"]["Ref"]} == set(rules)
    assert all(weights(rule) == [100, 0] for rule in rules.values())


def test_role_that_moves_traffic_may_touch_its_own_rules_and_groups_alone(prod: Assembly) -> None:
    (policy,) = [p for p in prod.policies(HOME, "ecs") if "gatewayFrontageTrafficPolicy" in p.logical_id]
    own = groups_of_gateway(prod, HOME) | set(rules_of_gateway(prod, HOME))
    for statement in policy.properties["PolicyDocument"]["Statement"]:
        actions = statement["Action"]
        if all(action.startswith("elasticloadbalancing:Describe") for action in actions):
            continue
        resources = statement["Resource"]
        listed = resources if isinstance(resources, list) else [resources]
        assert {resource["Ref"] for resource in listed} <= own


def test_health_checkers_meet_a_revision_before_viewers_do(prod: Assembly) -> None:
    advanced = service(prod).properties["LoadBalancers"][0]["AdvancedConfiguration"]
    rules = {r.logical_id: r.properties for r in prod.all(HOME, "ecs", RULE)}
    checked = rules[advanced["TestListenerRule"]["Ref"]]
    assert checked["Conditions"][0]["PathPatternConfig"]["Values"] == ["/health"]
    assert checked["Priority"] < rules[advanced["ProductionListenerRule"]["Ref"]]["Priority"]


def test_records_do_not_ask_target_groups_that_wait_empty_for_the_next_revision(prod: Assembly) -> None:
    for record in prod.all(HOME, "ecs", "AWS::Route53::RecordSet"):
        assert record.properties["AliasTarget"]["EvaluateTargetHealth"] is False


def test_rolling_environment_has_one_group_and_moves_no_rule(synthesise: Any) -> None:
    rolling = load_environment("dev")
    assembly: Assembly = synthesise(rolling)
    (group,) = [g for g in assembly.all(rolling.home_region, "ecs", GROUP) if "gateway" in g.logical_id]
    made = service(assembly, rolling.home_region).properties
    assert "AdvancedConfiguration" not in made["LoadBalancers"][0]
    assert made["DeploymentConfiguration"]["Strategy"] == "ROLLING"
    assert made["LoadBalancers"][0]["TargetGroupArn"] == {"Ref": group.logical_id}


def test_tasks_above_the_base_are_placed_by_weight(prod: Assembly) -> None:
    assert service(prod).properties["CapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Base": 2, "Weight": 3},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
    ]


def test_service_is_found_by_its_name_and_each_call_is_logged(prod: Assembly) -> None:
    connect = service(prod).properties["ServiceConnectConfiguration"]
    assert [alias for each in connect["Services"] for alias in each["ClientAliases"]] == [
        {"DnsName": "gateway", "Port": 8000},
        {"DnsName": "gateway-grpc", "Port": 9000},
    ]
    assert connect["AccessLogConfiguration"]["Format"] == "JSON"
    namespace = prod.one(HOME, "ecs", "AWS::ServiceDiscovery::HttpNamespace").properties["Name"]
    assert connect["Namespace"] == namespace == "richesreach-prod"


def test_container_neither_waits_for_its_log_nor_checks_itself(prod: Assembly) -> None:
    for task in prod.all(HOME, "ecs", "AWS::ECS::TaskDefinition"):
        only = task.properties["ContainerDefinitions"][0]
        assert only["LogConfiguration"]["Options"]["mode"] == "non-blocking"
        assert only["LogConfiguration"]["Options"]["max-buffer-size"] == "26214400b"
        assert only["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True}
        assert "HealthCheck" not in only


def test_shells_are_encrypted_and_recorded_where_they_are_allowed(synthesise: Any) -> None:
    dev = load_environment("dev")
    assembly: Assembly = synthesise(dev)
    cluster = assembly.one(dev.home_region, "ecs", "AWS::ECS::Cluster").properties
    session = cluster["Configuration"]["ExecuteCommandConfiguration"]
    assert session["Logging"] == "OVERRIDE"
    assert session["LogConfiguration"]["CloudWatchEncryptionEnabled"] is True
    assert "KmsKeyId" in session


def test_load_balancer_logs_connections_and_never_fails_open(prod: Assembly) -> None:
    balancer = prod.one(HOME, "ecs", "AWS::ElasticLoadBalancingV2::LoadBalancer").properties
    said = {a["Key"]: a["Value"] for a in balancer["LoadBalancerAttributes"]}
    assert said["connection_logs.s3.enabled"] == "true"
    assert said.get("waf.fail_open.enabled", "false") == "false"
    assert said["routing.http2.enabled"] == "true"
    assert said["routing.http.xff_header_processing.mode"] == "append"
    assert said["client_keep_alive.seconds"] == "3600"


def test_rules_of_services_stand_between_the_health_rule_and_the_default(three_services: Assembly) -> None:
    rules = {
        tuple(r.properties["Conditions"][-1]["PathPatternConfig"]["Values"]): r.properties["Priority"]
        for r in three_services.all(HOME, "ecs", RULE)
    }
    assert rules[("/health",)] < rules[("/market/*",)] < rules[("/*",)] == PRIORITIES.stop


def test_requests_are_counted_over_both_groups(three_services: Assembly) -> None:
    policy = three_services.one(
        HOME, "ecs", POLICY, PolicyName="richesreach-staging-market-data-requests"
    ).properties["TargetTrackingScalingPolicyConfiguration"]
    queries = policy["CustomizedMetricSpecification"]["Metrics"]
    counted = [q for q in queries if not q["ReturnData"]]
    assert [q["MetricStat"]["Metric"]["MetricName"] for q in counted] == ["RequestCountPerTarget"] * 2
    assert (policy["TargetValue"], queries[-1]["Expression"]) == (
        600,
        "SUM([FILL(requests0, 0), FILL(requests1, 0)])",
    )


def test_consumer_scales_on_messages_that_wait_for_each_task(three_services: Assembly) -> None:
    policy = three_services.one(
        HOME, "ecs", POLICY, PolicyName="richesreach-staging-market-data-lag"
    ).properties["TargetTrackingScalingPolicyConfiguration"]
    waiting = policy["CustomizedMetricSpecification"]["Metrics"][0]["MetricStat"]["Metric"]
    dimensions = {d["Name"]: d["Value"] for d in waiting["Dimensions"]}
    assert (dimensions["Topic"], dimensions["Consumer Group"]) == ("market.ticks", "market-data.bars")
    assert policy["TargetValue"] == 5000


def test_service_that_waits_for_others_scales_on_what_it_has_in_flight(three_services: Assembly) -> None:
    policy = three_services.one(
        HOME, "ecs", POLICY, PolicyName="richesreach-staging-market-data-concurrency"
    ).properties["TargetTrackingScalingPolicyConfiguration"]
    (tracked,) = policy["CustomizedMetricSpecification"]["Metrics"]
    assert (policy["TargetValue"], tracked["ReturnData"], tracked["MetricStat"]["Stat"]) == (
        40,
        True,
        "Average",
    )
    metric = tracked["MetricStat"]["Metric"]
    assert (metric["Namespace"], metric["MetricName"]) == ("RichesReach/Services", "ActiveConnections")
    assert {d["Name"]: d["Value"] for d in metric["Dimensions"]} == {
        "service": "market-data",
        "region": HOME,
        "environment": "staging",
    }


def test_only_a_service_that_scales_so_writes_its_metrics_into_its_log(three_services: Assembly) -> None:
    def told(family: str) -> bool:
        task = three_services.one(
            HOME, "ecs", "AWS::ECS::TaskDefinition", Family=f"richesreach-staging-{family}"
        )
        environment = task.properties["ContainerDefinitions"][0]["Environment"]
        return {"Name": "METRICS_EMF", "Value": "true"} in environment

    assert told("market-data")
    assert not told("gateway")


def test_task_role_has_what_the_manifest_needs_and_nothing_more(three_services: Assembly) -> None:
    (policy,) = [
        p
        for p in three_services.policies(HOME, "ecs")
        if "stream" in p.logical_id.lower() and "TaskPolicy" in p.logical_id
    ]
    statements = {s["Sid"]: s for s in policy.properties["PolicyDocument"]["Statement"] if "Sid" in s}
    lake = {"ListTheLake", "ReadTheLake", "WriteTheLake", "UseTheLakesKey"}
    assert set(statements) == lake | {"JoinTheStream", "ReadTopics", "ReadInOwnGroups", "WriteTopics"}
    assert "raw/market_data/*" in str(statements["WriteTheLake"]["Resource"])
    assert "curated" not in str(statements["WriteTheLake"]["Resource"])
    (gateway,) = [p for p in three_services.policies(HOME, "ecs") if "gatewayTaskPolicy" in p.logical_id]
    sids = {s["Sid"] for s in gateway.properties["PolicyDocument"]["Statement"]}
    assert sids == {"ManageUsers", "JoinTheStream", "ReadTopics", "ReadInOwnGroups", "WriteTopics"}


def test_secret_that_two_services_need_is_made_once_and_empty_and_copied(three_services: Assembly) -> None:
    (secret,) = (
        three_services.one(region, "service-secrets", "AWS::SecretsManager::Secret")
        for region in three_services.regions("service-secrets")
    )
    assert secret.properties["Name"] == "richesreach/staging/providers/polygon"
    assert secret.properties["SecretString"] == "{}"
    assert [copy["Region"] for copy in secret.properties["ReplicaRegions"]] == ["eu-west-1"]
    for region in three_services.regions("ecs"):
        before = three_services.depends(three_services.stack_id(region, "ecs"))
        assert three_services.stack_id(HOME, "service-secrets") in before


def test_own_secret_is_injected_by_its_exact_name(three_services: Assembly) -> None:
    task = three_services.one(
        HOME, "ecs", "AWS::ECS::TaskDefinition", Family="richesreach-staging-market-data"
    )
    (secret,) = task.properties["ContainerDefinitions"][0]["Secrets"]
    assert secret["Name"] == "SECRET_PROVIDERS_POLYGON"
    assert secret["ValueFrom"].endswith(":secret:richesreach/staging/providers/polygon")


def test_service_without_a_path_has_no_target_group(three_services: Assembly) -> None:
    made = service(three_services, HOME, "stream").properties
    assert not made.get("LoadBalancers")
    assert made["DeploymentConfiguration"]["Strategy"] == "ROLLING"


def test_scheduled_task_keeps_what_it_could_not_start(three_services: Assembly) -> None:
    schedule = three_services.one(HOME, "ecs", "AWS::Scheduler::Schedule").properties
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == (
        "cron(0 3 * * ? *)",
        "UTC",
    )
    target = schedule["Target"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5}
    queue = three_services.one(HOME, "ecs", "AWS::SQS::Queue")
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [queue.logical_id, "Arn"]}


def test_singleton_task_is_scheduled_in_the_writer_region_alone(three_services: Assembly) -> None:
    placed = [
        r for r in three_services.regions("ecs") if three_services.all(r, "ecs", "AWS::Scheduler::Schedule")
    ]
    assert placed == [HOME]
