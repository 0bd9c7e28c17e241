"""How many units a month resources are billed for: worked out by hand, 730 hours a month."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.plan.assembly import Stack
from ops.plan.quantities import quantities
from tests.ops.plan.stacks import resource, stack

US, EU = "us-east-1", "eu-west-1"


def counted(*stacks: Stack) -> dict[tuple[str, str], Decimal]:
    return dict(quantities(stacks))


def one(kind: str, **properties: Any) -> dict[str, Decimal]:
    return {item: units for (_, item), units in counted(stack(resource(kind, **properties))).items()}


def cache(**properties: Any) -> dict[str, Any]:
    return resource("AWS::ElastiCache::ReplicationGroup", **properties)


def alarm(*queries: dict[str, Any], **properties: Any) -> dict[str, Decimal]:
    return one("AWS::CloudWatch::Alarm", **({"Metrics": list(queries)} if queries else {}), **properties)


def metric(period: int = 300) -> dict[str, Any]:
    return {"Id": "m", "MetricStat": {"Period": period, "Metric": {}, "Stat": "Sum"}}


def test_three_gateways_run_for_2190_hours() -> None:
    gateways = [resource("AWS::EC2::NatGateway") for _ in range(3)]
    assert counted(stack(*gateways)) == {(US, "nat-gateway-hours"): 2190}


def test_an_interface_endpoint_is_billed_in_each_subnet() -> None:
    assert one("AWS::EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b", "c"]) == {
        "vpc-endpoint-hours": 2190
    }


def test_a_gateway_endpoint_costs_nothing() -> None:
    assert one("AWS::EC2::VPCEndpoint", VpcEndpointType="Gateway", RouteTableIds=["a"]) == {}


def test_a_public_load_balancer_has_an_address_in_each_subnet() -> None:
    found = one(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        Type="application",
        Scheme="internet-facing",
        Subnets=["a", "b"],
    )
    assert found == {"load-balancer-hours": 730, "public-ipv4-hours": 1460}


def test_an_internal_load_balancer_has_no_public_address() -> None:
    found = one(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", Type="application", Scheme="internal", Subnets=["a"]
    )
    assert found == {"load-balancer-hours": 730}


@pytest.mark.parametrize(("architecture", "machine"), [("ARM64", "arm"), ("X86_64", "x86")])
def test_a_service_is_billed_for_its_tasks_at_the_size_of_their_definition(
    architecture: str, machine: str
) -> None:
    definition = resource(
        "AWS::ECS::TaskDefinition",
        Cpu="512",
        Memory="1024",
        RuntimePlatform={"CpuArchitecture": architecture},
    )
    service = resource("AWS::ECS::Service", DesiredCount=3, TaskDefinition={"Ref": "Definition"})
    assert counted(stack(service, Definition=definition)) == {
        (US, f"fargate-vcpu-hours-{machine}"): 1095,
        (US, f"fargate-gb-hours-{machine}"): 2190,
    }


def aurora(**cluster: Any) -> Stack:
    instances = [
        resource(
            "AWS::RDS::DBInstance", DBInstanceClass="db.serverless", DBClusterIdentifier={"Ref": "Cluster"}
        )
        for _ in range(2)
    ]
    return stack(*instances, Cluster=resource("AWS::RDS::DBCluster", **cluster))


def test_serverless_instances_are_billed_at_the_minimum_of_their_cluster() -> None:
    found = counted(aurora(ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 8}))
    assert found == {(US, "aurora-acu-hours"): 730}


def test_a_database_that_may_pause_is_billed_for_no_capacity() -> None:
    assert counted(aurora(ServerlessV2ScalingConfiguration={"MinCapacity": 0})) == {
        (US, "aurora-acu-hours"): 0
    }


def test_an_io_optimised_cluster_has_another_price() -> None:
    found = counted(aurora(StorageType="aurora-iopt1", ServerlessV2ScalingConfiguration={"MinCapacity": 1}))
    assert found == {(US, "aurora-acu-hours-io-optimized"): 1460}


def test_advanced_insights_are_billed_by_capacity_as_well() -> None:
    found = counted(
        aurora(DatabaseInsightsMode="advanced", ServerlessV2ScalingConfiguration={"MinCapacity": 1})
    )
    assert found == {(US, "aurora-acu-hours"): 1460, (US, "database-insights-acu-hours"): 1460}


def test_a_cache_is_billed_by_node_type_and_engine() -> None:
    group = cache(Engine="valkey", CacheNodeType="cache.r7g.large", NumCacheClusters=2)
    assert counted(stack(group)) == {(US, "cache-node-hours-valkey-cache.r7g.large"): 1460}


def test_a_sharded_cache_is_billed_for_primaries_and_replicas() -> None:
    group = cache(Engine="valkey", CacheNodeType="cache.r7g.large", NumNodeGroups=3, ReplicasPerNodeGroup=1)
    assert counted(stack(group)) == {(US, "cache-node-hours-valkey-cache.r7g.large"): 4380}


def test_a_secondary_member_of_a_global_datastore_has_the_nodes_of_the_primary() -> None:
    home = stack(
        Primary=cache(Engine="valkey", CacheNodeType="cache.r7g.large", NumCacheClusters=2),
        Global=resource(
            "AWS::ElastiCache::GlobalReplicationGroup",
            Members=[{"ReplicationGroupId": {"Ref": "Primary"}, "Role": "PRIMARY"}],
        ),
        outputs={"Id": {"Value": {"Fn::GetAtt": ["Global", "GlobalReplicationGroupId"]}}},
    )
    group = {"Fn::GetStackOutput": {"StackName": home.name, "Region": US, "OutputName": "Id"}}
    away = stack(cache(GlobalReplicationGroupId=group, NumCacheClusters=3), region=EU)
    assert counted(away, home)[EU, "cache-node-hours-valkey-cache.r7g.large"] == 2190


def test_a_member_of_a_datastore_that_is_not_there_is_of_unknown_type() -> None:
    group = {"Fn::GetStackOutput": {"StackName": "gone", "Region": US, "OutputName": "Id"}}
    away = stack(cache(GlobalReplicationGroupId=group, NumCacheClusters=2), region=EU)
    assert counted(away) == {(EU, "cache-node-hours-unknown-unknown"): 1460}


def test_a_flink_application_is_billed_for_its_kpus_their_storage_and_a_job_manager() -> None:
    parallelism = {"ParallelismConfiguration": {"Parallelism": 5, "ParallelismPerKPU": 2}}
    flink = {"FlinkApplicationConfiguration": parallelism}
    assert one("AWS::KinesisAnalyticsV2::Application", ApplicationConfiguration=flink) == {
        "flink-kpu-hours": 4 * 730,
        "flink-running-storage": 150,
    }


def test_a_secret_is_billed_in_every_region_it_is_replicated_to() -> None:
    secret = resource(
        "AWS::SecretsManager::Secret", ReplicaRegions=[{"Region": EU}, {"Region": "ap-southeast-1"}]
    )
    assert counted(stack(secret)) == {
        (US, "secrets"): 1,
        (EU, "secrets"): 1,
        ("ap-southeast-1", "secrets"): 1,
    }


def test_a_plain_alarm_is_one_metric() -> None:
    assert alarm(MetricName="Errors", Period=60) == {"alarm-metrics": 1}


def test_an_alarm_on_metric_math_is_billed_for_every_metric_it_reads() -> None:
    ratio = {"Id": "e", "Expression": "m1 / m2"}
    assert alarm(ratio, metric(), metric()) == {"alarm-metrics": 2}


def test_an_alarm_on_an_anomaly_is_billed_for_the_metric_and_its_band() -> None:
    assert alarm({"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m, 4)"}, metric()) == {"alarm-metrics": 3}


def test_an_alarm_that_looks_more_often_than_each_minute_is_of_high_resolution() -> None:
    assert alarm(MetricName="Errors", Period=10) == {"alarm-metrics-high-resolution": 1}
    assert alarm(metric(10), metric(300)) == {"alarm-metrics-high-resolution": 2}


def test_an_alarm_on_a_query_is_counted_apart() -> None:
    assert alarm({"Id": "q", "Expression": "SELECT MAX(Lag) FROM x", "Period": 60}) == {
        "alarm-query-metrics": 1
    }


@pytest.mark.parametrize(
    ("expression", "runs"), [("rate(5 minutes)", 8760), ("rate(1 hour)", 730), ("rate(0 minute)", 0)]
)
def test_a_canary_is_billed_by_run(expression: str, runs: int) -> None:
    assert one("AWS::Synthetics::Canary", Schedule={"Expression": expression}) == {"canary-runs": runs}


def test_a_canary_on_a_cron_expression_is_counted_and_not_guessed() -> None:
    assert one("AWS::Synthetics::Canary", Schedule={"Expression": "cron(0 * * * ? *)"}) == {
        "canaries-on-cron": 1
    }


def test_a_fast_https_health_check_has_two_options() -> None:
    found = one("AWS::Route53::HealthCheck", HealthCheckConfig={"Type": "HTTPS", "RequestInterval": 10})
    assert found == {"health-checks": 1, "health-check-options": 2}


def test_a_firewall_is_billed_by_rule_and_for_bot_control() -> None:
    bots = {"ManagedRuleGroupStatement": {"Name": "AWSManagedRulesBotControlRuleSet"}}
    rules = [{"Statement": {"RateBasedStatement": {}}}, {"Statement": bots}]
    assert one("AWS::WAFv2::WebACL", Rules=rules) == {"waf-web-acls": 1, "waf-rules": 2, "waf-bot-control": 1}


def test_analysis_of_unused_access_is_billed_by_role_of_every_stack() -> None:
    analyzer = resource("AWS::AccessAnalyzer::Analyzer", Type="ACCOUNT_UNUSED_ACCESS")
    roles = stack(resource("AWS::IAM::Role"), resource("AWS::IAM::Role"), region=EU)
    assert counted(stack(analyzer, resource("AWS::IAM::Role")), roles) == {
        (US, "unused-access-identities"): 3
    }


def test_analysis_of_external_access_costs_nothing() -> None:
    assert one("AWS::AccessAnalyzer::Analyzer", Type="ACCOUNT") == {}


def test_a_type_that_nothing_is_known_of_is_counted_as_itself() -> None:
    assert one("AWS::Redshift::Cluster") == {"AWS::Redshift::Cluster": 1}


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "Custom::PrefixLists"])
def test_what_costs_nothing_by_being_there_is_not_counted(kind: str) -> None:
    assert one(kind) == {}


kinds = st.sampled_from(
    ["AWS::EC2::NatGateway", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Redshift::Cluster", "AWS::EC2::EIP"]
)
regions = st.sampled_from([US, EU])
estates = st.lists(st.tuples(regions, st.lists(kinds, max_size=6)), max_size=4)


def built(estate: list[tuple[str, list[str]]]) -> list[Stack]:
    return [
        stack(*(resource(kind) for kind in kinds), region=region, name=str(number))
        for number, (region, kinds) in enumerate(estate)
    ]


@given(estates, estates)
def test_two_estates_cost_what_each_costs(
    one_half: list[tuple[str, list[str]]], other: list[tuple[str, list[str]]]
) -> None:
    together = quantities(built(one_half + other))
    apart, rest = quantities(built(one_half)), quantities(built(other))
    assert all(
        together[key] == apart[key] + rest[key] for key in together.keys() | apart.keys() | rest.keys()
    )


@given(estates, st.randoms())
def test_the_order_of_stacks_does_not_matter(estate: list[tuple[str, list[str]]], random: Any) -> None:
    stacks = built(estate)
    shuffled = list(stacks)
    random.shuffle(shuffled)
    assert quantities(shuffled) == quantities(stacks)
