"""What an environment takes of each quota, counted in its templates."""

from __future__ import annotations

from typing import Any

from ops.plan.assembly import Stack
from ops.preflight.needs import needed
from ops.preflight.quota_table import table
from stacks.manifest import load_manifests
from tests.ops.preflight.sites import REGION, resource, site, stack

LISTS = {"CloudFront": "com.amazonaws.global.cloudfront.origin-facing", "Other": "pl-own"}


def fenced(*rules: dict[str, Any]) -> Stack:
    """A security group with rules, each by itself."""
    group = {"Fn::GetAtt": ["Group", "GroupId"]}
    own = {
        f"Rule{number}": resource("AWS::EC2::SecurityGroupIngress", GroupId=group, **rule)
        for number, rule in enumerate(rules)
    }
    inline = resource("AWS::EC2::SecurityGroup", SecurityGroupEgress=[{"CidrIp": "0.0.0.0/0"}])
    return stack({"Group": inline, "Lists": resource("Custom::PrefixLists", Names=LISTS), **own})


def by_list(name: str) -> dict[str, Any]:
    return {"SourcePrefixListId": {"Fn::GetAtt": ["Lists", name]}}


def test_every_quota_of_the_table_can_be_counted() -> None:
    of = site(stack({}), manifests=tuple(load_manifests()))
    for name, quota in table().quotas.items():
        assert needed(of, name, None if quota.scope == "global" else REGION) is not None, name


def test_rules_are_those_of_the_fullest_direction_of_a_group() -> None:
    assert needed(site(fenced({"CidrIp": "a"}, {"CidrIp": "b"})), "security-group-rules", REGION) == 2


def test_prefix_list_of_cloudfront_counts_as_its_weight() -> None:
    assert needed(site(fenced(by_list("CloudFront"))), "security-group-rules", REGION) == 55


def test_prefix_list_of_unknown_weight_cannot_be_counted() -> None:
    assert needed(site(fenced(by_list("Other"))), "security-group-rules", REGION) is None


def test_nat_gateways_are_counted_by_zone() -> None:
    def gateway(subnet: str) -> dict[str, Any]:
        return resource("AWS::EC2::NatGateway", SubnetId={"Ref": subnet})

    subnets = {
        name: resource("AWS::EC2::Subnet", AvailabilityZone=zone)
        for name, zone in (("A", "eu-west-1a"), ("B", "eu-west-1b"))
    }
    made = stack({**subnets, "One": gateway("A"), "Two": gateway("B"), "Three": gateway("B")})
    assert needed(site(made), "nat-gateways", REGION) == 2


def test_peering_counts_at_both_ends() -> None:
    connection = resource("AWS::EC2::VPCPeeringConnection", PeerRegion="us-east-1")
    of = site(stack({"Peering": connection}))
    assert [needed(of, "peerings", region) for region in (REGION, "us-east-1", "sa-east-1")] == [1, 1, 0]


def test_reserved_concurrency_leaves_lambdas_own_share() -> None:
    function = resource("AWS::Lambda::Function", ReservedConcurrentExecutions=20)
    assert needed(site(stack({"One": function, "Two": function})), "lambda-concurrency", REGION) == 140


def test_cache_nodes_are_those_of_all_groups() -> None:
    group = resource("AWS::ElastiCache::ReplicationGroup", NumCacheClusters=2)
    assert needed(site(stack({"One": group, "Two": group})), "cache-nodes", REGION) == 4


def test_tasks_count_for_the_loss_of_another_region_during_a_deployment() -> None:
    of = site(stack({}), manifests=tuple(load_manifests()))
    assert needed(of, "fargate-vcpus", REGION) == sum(2 * 2 * m.cpu / 1024 * 3 for m in of.manifests)


def test_brokers_count_together_and_by_cluster() -> None:
    of = site(
        stack({f"Of{n}": resource("AWS::MSK::Cluster", NumberOfBrokerNodes=n) for n in (3, 6)}),
    )
    assert [needed(of, quota, REGION) for quota in ("brokers", "cluster-brokers")] == [9, 6]
