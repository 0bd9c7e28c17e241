"""What boto3 reads back from the deployed platform is what the environment asked for."""

from __future__ import annotations

import pytest

from ops.local import aws
from stacks.environment import Environment, load_environment
from stacks.manifest import load_manifests
from stacks.naming import latency_origin, regional_origin

REGIONS = list(load_environment("local").regions)

every_region = pytest.mark.parametrize("region", REGIONS)


@every_region
def test_gateway_service_is_deployed_as_its_manifest_says(environment: Environment, region: str) -> None:
    ecs = aws.client("ecs", region)
    service = ecs.describe_services(cluster=environment.names.cluster, services=["gateway"])["services"][0]
    assert service["desiredCount"] == 1
    assert service["loadBalancers"][0]["containerPort"] == 8000
    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {
        "enable": True,
        "rollback": True,
    }
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    container = definition["containerDefinitions"][0]
    assert container["command"] == ["python", "-m", "richesreach.gateway"]
    assert {secret["name"] for secret in container["secrets"]} == {
        "DATABASE_USER",
        "DATABASE_PASSWORD",
        "REDIS_USERNAME",
        "REDIS_PASSWORD",
        "GLOBAL_CACHE_USERNAME",
        "GLOBAL_CACHE_PASSWORD",
    }


@every_region
def test_service_scales_between_the_bounds_of_the_environment(environment: Environment, region: str) -> None:
    targets = aws.client("application-autoscaling", region).describe_scalable_targets(ServiceNamespace="ecs")
    bounds = [(target["MinCapacity"], target["MaxCapacity"]) for target in targets["ScalableTargets"]]
    assert bounds == [(1, 2)] * len(load_manifests())


@every_region
def test_lake_moves_each_zone_down_the_tiers(environment: Environment, region: str) -> None:
    bucket = environment.names.lake_bucket(aws.ACCOUNT, region)
    s3 = aws.client("s3", region)
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    transitions = [(step["StorageClass"], step["Days"]) for step in rules["raw-tiers"]["Transitions"]]
    assert transitions == [("STANDARD_IA", 30), ("GLACIER", 90), ("DEEP_ARCHIVE", 365)]
    assert rules["abort-uploads"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_one_global_cluster_has_a_member_a_region_and_one_writes(environment: Environment) -> None:
    groups = aws.client("rds", environment.home_region).describe_global_clusters()["GlobalClusters"]
    assert [group["GlobalClusterIdentifier"] for group in groups] == [environment.names.global_cluster]
    members = groups[0]["GlobalClusterMembers"]
    assert {member["DBClusterArn"].split(":")[3] for member in members} == set(REGIONS)
    assert [member["IsWriter"] for member in members].count(True) == 1


def test_datastore_has_its_primary_at_home_and_a_secondary_elsewhere(environment: Environment) -> None:
    groups = aws.client("elasticache", environment.home_region).describe_global_replication_groups(
        ShowMemberInfo=True
    )["GlobalReplicationGroups"]
    assert len(groups) == 1
    assert groups[0]["GlobalReplicationGroupId"].endswith(environment.names.prefix)
    roles = {member["ReplicationGroupRegion"]: member["Role"].upper() for member in groups[0]["Members"]}
    assert roles == {
        region: "PRIMARY" if region == environment.home_region else "SECONDARY" for region in REGIONS
    }


def test_every_region_has_a_latency_record_with_a_health_check(environment: Environment) -> None:
    route53 = aws.client("route53", environment.dns_region)
    zone = route53.list_hosted_zones_by_name(DNSName=environment.domain)["HostedZones"][0]["Id"]
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    by_latency = {r["Region"]: r for r in records if r["Name"] == f"{latency_origin(environment.domain)}."}
    assert set(by_latency) == set(REGIONS)
    for region, record in by_latency.items():
        check = route53.get_health_check(HealthCheckId=record["HealthCheckId"])["HealthCheck"][
            "HealthCheckConfig"
        ]
        assert check["FullyQualifiedDomainName"] == regional_origin(region, environment.domain)
        assert check["ResourcePath"] == "/health"


def test_distribution_targets_the_latency_record_through_its_function(environment: Environment) -> None:
    cloudfront = aws.client("cloudfront", environment.dns_region)
    summary = cloudfront.list_distributions()["DistributionList"]["Items"]
    assert len(summary) == 1
    config = cloudfront.get_distribution_config(Id=summary[0]["Id"])["DistributionConfig"]
    origins = {origin["Id"]: origin["DomainName"] for origin in config["Origins"]["Items"]}
    assert origins == dict.fromkeys(("latency", "latency-stream"), latency_origin(environment.domain)) | {
        f"{region}{purpose}": regional_origin(region, environment.domain)
        for region in REGIONS
        for purpose in ("", "-read", "-stream")
    }
    behaviour = config["DefaultCacheBehavior"]
    assert behaviour["TargetOriginId"] == "latency"
    association = behaviour["FunctionAssociations"]["Items"][0]
    assert association["EventType"] == "viewer-request"
    name = association["FunctionARN"].rpartition("/")[2]
    function = cloudfront.describe_function(Name=name, Stage="LIVE")["FunctionSummary"]
    assert function["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    stores = function["FunctionConfig"]["KeyValueStoreAssociations"]["Items"]
    assert stores[0]["KeyValueStoreARN"].endswith(environment.names.routing_store)
