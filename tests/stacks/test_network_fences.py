"""What keeps strangers out of a network: interface endpoints' groups, the data subnets' ACL, the closed
default group, and the egress of tasks."""

from __future__ import annotations

import pytest

from stacks.environment import load_environment
from stacks.network.settings import ENDPOINT_SERVICES, TASK_NEEDS
from tests.stacks.assembly import Assembly, Json, Resource

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
REGION = "eu-west-1"
ENTRY = "AWS::EC2::NetworkAclEntry"


def interfaces(assembly: Assembly, region: str) -> dict[str, Resource]:
    """Interface endpoints by service."""
    endpoints = assembly.all(region, "network", "AWS::EC2::VPCEndpoint")
    start = f"com.amazonaws.{region}."
    return {
        endpoint.properties["ServiceName"].removeprefix(start): endpoint
        for endpoint in endpoints
        if endpoint.properties["VpcEndpointType"] == "Interface"
    }


def test_endpoint_services_are_known_to_the_cdk() -> None:
    from aws_cdk import aws_ec2 as ec2  # noqa: PLC0415  (starts Node)

    table = ec2.InterfaceVpcEndpointAwsService
    known = {getattr(table, name).short_name for name in dir(table) if name.isupper()}
    assert set(ENDPOINT_SERVICES) <= known


@pytest.mark.parametrize("region", REGIONS)
def test_configured_services_have_an_interface_endpoint(region: str, prod: Assembly) -> None:
    assert sorted(interfaces(prod, region)) == sorted(load_environment("prod").network.interface_endpoints)


def test_dev_has_no_interface_endpoint(dev: Assembly) -> None:
    assert interfaces(dev, "us-east-1") == {}


def test_region_without_nat_has_every_endpoint_that_a_task_needs(single: Assembly) -> None:
    assert set(TASK_NEEDS) <= set(interfaces(single, "eu-central-1"))


def test_endpoint_answers_under_the_services_name_in_every_private_subnet(prod: Assembly) -> None:
    for endpoint in interfaces(prod, REGION).values():
        assert endpoint.properties["PrivateDnsEnabled"] is True
        placed = [reference["Ref"] for reference in endpoint.properties["SubnetIds"]]
        assert len(placed) == 3
        assert all("privateSubnet" in name for name in placed)


def test_each_endpoint_has_a_group_of_its_own_that_admits_https_from_the_region_only(prod: Assembly) -> None:
    groups = {g.logical_id: g.properties for g in prod.all(REGION, "network", "AWS::EC2::SecurityGroup")}
    used = [e.properties["SecurityGroupIds"] for e in interfaces(prod, REGION).values()]
    assert all(len(own) == 1 for own in used)
    names = [own[0]["Fn::GetAtt"][0] for own in used]
    assert len(set(names)) == len(names) == len(groups)
    for name in names:
        (rule,) = groups[name]["SecurityGroupIngress"]
        assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.20.0.0/16", 443, 443)


def entries(assembly: Assembly, region: str, *, egress: bool) -> list[Json]:
    return [e.properties for e in assembly.all(region, "network", ENTRY) if e.properties["Egress"] is egress]


@pytest.mark.parametrize("egress", [False, True], ids=["in", "out"])
def test_data_subnets_exchange_tcp_with_the_address_space_only(egress: bool, twelve: Assembly) -> None:
    for region in twelve.regions("network"):
        tcp = [entry for entry in entries(twelve, region, egress=egress) if entry["Protocol"] == 6]
        assert [entry["CidrBlock"] for entry in tcp] == ["10.0.0.0/10"]
        assert all(entry["PortRange"] == {"From": 1024, "To": 65535} for entry in tcp)
        assert {entry["RuleAction"] for entry in tcp} == {"allow"}


def test_data_subnets_hear_that_a_packet_was_too_big_and_no_other_icmp(prod: Assembly) -> None:
    (entry,) = [e for e in entries(prod, REGION, egress=False) if e["Protocol"] != 6]
    assert (entry["Protocol"], entry["Icmp"]) == (1, {"Type": 3, "Code": 4})
    assert all(e["Protocol"] == 6 for e in entries(prod, REGION, egress=True))


def test_every_data_subnet_and_no_other_is_behind_the_acl(prod: Assembly) -> None:
    for region in REGIONS:
        acl = prod.one(region, "network", "AWS::EC2::NetworkAcl")
        found = prod.all(region, "network", "AWS::EC2::SubnetNetworkAclAssociation")
        assert len(found) == 3
        for association in found:
            assert association.properties["NetworkAclId"] == {"Ref": acl.logical_id}
            assert "dataSubnet" in association.properties["SubnetId"]["Ref"]


def test_default_security_group_of_every_network_is_closed(twelve: Assembly) -> None:
    for region in twelve.regions("network"):
        vpc = twelve.one(region, "network", "AWS::EC2::VPC")
        closed = twelve.one(region, "network", "Custom::ClosedSecurityGroup").properties
        assert closed["GroupId"] == {"Fn::GetAtt": [vpc.logical_id, "DefaultSecurityGroup"]}


def test_function_that_closes_the_group_may_take_rules_of_that_group_only(prod: Assembly) -> None:
    policy = next(p for p in prod.policies(REGION, "network") if "DefaultGroup" in p.logical_id)
    statements = {s.get("Sid"): s for s in policy.properties["PolicyDocument"]["Statement"]}
    assert "DefaultSecurityGroup" in str(statements["TakeTheRules"]["Resource"])
    assert statements["ReadTheRules"]["Action"] == "ec2:DescribeSecurityGroups"
    starred = [s for s in statements.values() if s["Resource"] == "*"]
    assert starred == [statements["ReadTheRules"]]


def task_egress(assembly: Assembly, region: str) -> set[tuple[str, int]]:
    """(network, port) that the gateway's tasks may connect to."""
    (group,) = [
        g
        for g in assembly.all(region, "ecs", "AWS::EC2::SecurityGroup")
        if g.properties["GroupDescription"] == "Tasks of gateway"
    ]
    rules = group.properties["SecurityGroupEgress"]
    assert all((rule["IpProtocol"], rule["FromPort"]) == ("tcp", rule["ToPort"]) for rule in rules)
    return {(rule["CidrIp"], rule["FromPort"]) for rule in rules}


def test_tasks_may_connect_to_what_they_need_and_nothing_else(prod: Assembly) -> None:
    for region in REGIONS:
        platform = {("10.0.0.0/10", 5432), ("10.0.0.0/10", 6379)}
        stream = {(load_environment("prod").regions[region].cidr, 9098)}
        assert task_egress(prod, region) == {("0.0.0.0/0", 443)} | platform | stream


@pytest.mark.parametrize(
    ("needs", "reached"),
    [
        ([], {"443"}),
        (["lake", "secrets:provider"], {"443"}),
        (["database"], {"443", "5432 10.0.0.0/10"}),
        (["cache"], {"443", "6379 10.20"}),
        (["stream"], {"443", "9098 10.20"}),
        (["cache", "global-cache"], {"443", "6379 10.0.0.0/10"}),
    ],
    ids=["nothing", "what HTTPS reaches", "database", "cache", "stream", "both caches"],
)
def test_each_need_opens_its_own_ports(needs: list[str], reached: set[str]) -> None:
    import aws_cdk as cdk  # noqa: PLC0415  (starts Node)
    from aws_cdk import assertions  # noqa: PLC0415
    from aws_cdk import aws_ec2 as ec2  # noqa: PLC0415

    from stacks.base import Site  # noqa: PLC0415
    from stacks.network.egress import allow_needs  # noqa: PLC0415

    stack = cdk.Stack(cdk.App(), "Tasks")
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["eu-west-1a"])
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc, allow_all_outbound=False)
    allow_needs(group, Site(load_environment("prod"), "111111111111", REGION), needs)
    (made,) = assertions.Template.from_stack(stack).find_resources("AWS::EC2::SecurityGroup").values()
    rules = made["Properties"]["SecurityGroupEgress"]
    said = {
        f"{r['FromPort']} {r['CidrIp'].removesuffix('.0.0/16')}".removesuffix(" 0.0.0.0/0") for r in rules
    }
    assert said == reached


def test_tasks_reach_their_own_cache_alone_where_there_is_no_datastore(dev: Assembly) -> None:
    reached = {network for network, port in task_egress(dev, "us-east-1") if port == 6379}
    assert reached == {"10.210.0.0/16"}


def test_no_security_group_lets_everything_out(prod: Assembly) -> None:
    """A group that names no rule at all, inline or beside itself, is one that AWS leaves open."""
    for name, template in prod.templates.items():
        resources = template.get("Resources", {})
        beside = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::EC2::SecurityGroupEgress"]
        for logical_id, resource in resources.items():
            if resource["Type"] == "AWS::EC2::SecurityGroup":
                inline = resource["Properties"].get("SecurityGroupEgress", [])
                own = [r for r in beside if r["GroupId"] == {"Fn::GetAtt": [logical_id, "GroupId"]}]
                assert inline + own, f"{name}/{logical_id}"
                assert "-1" not in [rule["IpProtocol"] for rule in inline + own], f"{name}/{logical_id}"
