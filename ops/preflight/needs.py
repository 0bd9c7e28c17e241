"""How much of each quota an environment takes, counted in its templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ops.plan.assembly import Stack
from ops.preflight.quota_table import table
from ops.preflight.site import Site
from stacks.ecs.capacity import evacuation

#: Concurrency that Lambda keeps for functions that reserve none (Lambda developer guide).
UNRESERVED = 100

_DIRECTIONS = {"SecurityGroupIngress": "in", "SecurityGroupEgress": "out"}

#: Quotas that count resources of one type.
COUNTED = {
    "vpcs": "AWS::EC2::VPC",
    "elastic-ips": "AWS::EC2::EIP",
    "subnets": "AWS::EC2::Subnet",
    "security-groups": "AWS::EC2::SecurityGroup",
    "load-balancers": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "target-groups": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "database-clusters": "AWS::RDS::DBCluster",
    "database-instances": "AWS::RDS::DBInstance",
    "parameters": "AWS::SSM::Parameter",
    "alarms": "AWS::CloudWatch::Alarm",
    "flink-applications": "AWS::KinesisAnalyticsV2::Application",
    "keys": "AWS::KMS::Key",
    "distributions": "AWS::CloudFront::Distribution",
    "edge-functions": "AWS::CloudFront::Function",
    "cache-policies": "AWS::CloudFront::CachePolicy",
    "roles": "AWS::IAM::Role",
    "policies": "AWS::IAM::ManagedPolicy",
}


def needed(site: Site, quota: str, region: str | None) -> float | None:
    """What the environment takes of a quota in a region, or in all for None; None where it cannot be told."""
    if quota in COUNTED:
        return sum(1 for _ in site.resources(COUNTED[quota], region))
    return _NEEDS[quota](site, str(region))


def _nat_gateways(site: Site, region: str) -> float:
    """The most in one availability zone."""
    zones: Counter[str] = Counter()
    for gateway in site.resources("AWS::EC2::NatGateway", region):
        subnet = gateway.stack.resources[gateway.properties["SubnetId"]["Ref"]]
        zones[str(subnet["Properties"]["AvailabilityZone"])] += 1
    return max(zones.values(), default=0)


def _interface_endpoints(site: Site, region: str) -> float:
    endpoints = site.resources("AWS::EC2::VPCEndpoint", region)
    return sum(1 for each in endpoints if each.properties.get("VpcEndpointType") == "Interface")


def _peerings(site: Site, region: str) -> float:
    """Connections that a region asks for, and those that others ask of it."""
    found = site.resources("AWS::EC2::VPCPeeringConnection")
    return sum(1 for each in found if region in (each.stack.region, each.properties.get("PeerRegion")))


def _rules(site: Site, region: str) -> float | None:
    """The most that a security group has in one direction; a prefix list counts as its weight."""
    most = 0
    for stack in site.stacks.values():
        if stack.region == region:
            rules: Counter[tuple[str, str]] = Counter()
            for group, direction, rule in _group_rules(stack):
                weight = _weight(stack, rule)
                if weight is None:
                    return None
                rules[group, direction] += weight
            most = max([most, *rules.values()])
    return most


def _group_rules(stack: Stack) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for logical_id, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        kind = resource["Type"].removeprefix("AWS::EC2::")
        if kind == "SecurityGroup":
            for name, direction in _DIRECTIONS.items():
                for rule in properties.get(name, []):
                    yield logical_id, direction, rule
        elif kind in _DIRECTIONS:
            yield str(_target(properties["GroupId"])), _DIRECTIONS[kind], properties


def _target(group: Any) -> Any:
    """Logical id of the group that a rule is of."""
    return group["Fn::GetAtt"][0] if isinstance(group, Mapping) and "Fn::GetAtt" in group else group


def _weight(stack: Stack, rule: Mapping[str, Any]) -> int | None:
    listed = rule.get("SourcePrefixListId") or rule.get("DestinationPrefixListId")
    if listed is None:
        return 1
    name = _list_name(stack, listed)
    weights = table().prefix_lists
    return next((weight.rules for end, weight in weights.items() if name.endswith(end)), None)


def _list_name(stack: Stack, listed: Any) -> str:
    """The custom resource that looks ids up has the names among its properties."""
    if not isinstance(listed, Mapping) or "Fn::GetAtt" not in listed:
        return ""
    finder, attribute = listed["Fn::GetAtt"]
    return str(stack.resources[finder].get("Properties", {}).get("Names", {}).get(attribute, ""))


def _fargate(site: Site, region: str) -> float:
    """When the region has taken over another one's tasks in the middle of a deployment."""
    needs = evacuation(site.environment, site.manifests)
    return sum(need.needed for need in needs if need.region == region and need.what == "Fargate vCPUs")


def _concurrency(site: Site, region: str) -> float:
    functions = site.resources("AWS::Lambda::Function", region)
    reserved = sum(int(each.properties.get("ReservedConcurrentExecutions", 0)) for each in functions)
    return reserved + UNRESERVED if reserved else 0


def _cache_nodes(site: Site, region: str) -> float:
    groups = site.resources("AWS::ElastiCache::ReplicationGroup", region)
    return sum(int(each.properties.get("NumCacheClusters", 1)) for each in groups)


def _clusters(site: Site, region: str) -> list[int]:
    """Brokers of each MSK cluster."""
    clusters = site.resources("AWS::MSK::Cluster", region)
    return [int(each.properties["NumberOfBrokerNodes"]) for each in clusters]


def _kpus(site: Site, region: str) -> float:
    """Of the largest Flink application at its first parallelism; auto scaling goes on up to the quota."""
    sizes = []
    for each in site.resources("AWS::KinesisAnalyticsV2::Application", region):
        flink = each.properties["ApplicationConfiguration"]["FlinkApplicationConfiguration"]
        parallelism = flink["ParallelismConfiguration"]
        sizes.append(-(-int(parallelism["Parallelism"]) // int(parallelism["ParallelismPerKPU"])))
    return max(sizes, default=0)


_NEEDS: Mapping[str, Callable[[Site, str], float | None]] = {
    "nat-gateways": _nat_gateways,
    "interface-endpoints": _interface_endpoints,
    "peerings": _peerings,
    "security-group-rules": _rules,
    "fargate-vcpus": _fargate,
    "lambda-concurrency": _concurrency,
    "cache-nodes": _cache_nodes,
    "brokers": lambda site, region: sum(_clusters(site, region)),
    "flink-kpus": _kpus,
    "cluster-brokers": lambda site, region: max(_clusters(site, region), default=0),
}
