"""Networks that overlap are found before one of them is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from ops.preflight.addresses import check
from tests.ops.preflight.conftest import Deploy
from tests.ops.preflight.sites import ACCOUNT, REGION, failed, found, local_site, resource, site, stack
from tests.ops.types.conftest import LocalAws

HOME = "us-east-1"


def network(block: str, region: str = REGION) -> Any:
    return stack({"Vpc": resource("AWS::EC2::VPC", CidrBlock=block)}, "network", region)


@pytest.fixture
def other(local_aws: LocalAws) -> Iterator[Callable[[str], str]]:
    """Makes networks that are not the environment's."""
    ec2 = local_aws.client("ec2", REGION)
    made: list[str] = []

    def create(block: str) -> str:
        made.append(ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"])
        return made[-1]

    yield create
    for each in made:
        ec2.delete_vpc(VpcId=each)


def test_networks_side_by_side_are_fine() -> None:
    of = site(network("10.10.0.0/16", HOME), network("10.20.0.0/16"))
    assert failed(check, of) == []


def test_overlapping_networks_of_the_environment_are_found() -> None:
    (result,) = failed(check, site(network("10.10.0.0/16", HOME), network("10.10.128.0/17")))
    assert result.said == "10.10.0.0/16 overlaps 10.10.128.0/17 of eu-west-1, which it is peered with"
    assert "regions.us-east-1.cidr" in result.mend


def test_network_of_the_account_in_the_same_range_is_found(other: Callable[[str], str]) -> None:
    theirs = other("10.20.0.0/20")
    (result,) = failed(check, local_site(network("10.20.0.0/16")))
    assert result.said == f"10.20.0.0/16 overlaps 10.20.0.0/20 of {theirs}"


def test_the_environments_own_network_is_no_clash(deploy: Deploy) -> None:
    deploy(network("10.20.0.0/16"))
    assert failed(check, local_site(network("10.20.0.0/16"))) == []


def test_network_that_is_there_already_may_be_overlapped_by_one_it_does_not_meet(
    deploy: Deploy, other: Callable[[str], str]
) -> None:
    deploy(network("10.20.0.0/16"))
    other("10.20.0.0/20")
    assert failed(check, local_site(network("10.20.0.0/16"))) == []


@pytest.mark.usefixtures("in_moto")
def test_foreign_peer_in_a_range_of_the_environment_is_found() -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    own, peer = (
        ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.20.0.0/16", "10.20.64.0/20")
    )
    asked = ec2.create_vpc_peering_connection(VpcId=own, PeerVpcId=peer)["VpcPeeringConnection"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=asked["VpcPeeringConnectionId"])
    (result,) = failed(check, site(network("10.20.0.0/16"), account=ACCOUNT, deployed={"Vpc": own}))
    assert result.said == f"10.20.0.0/16 overlaps 10.20.64.0/20 of {peer}, a peer"


@pytest.mark.usefixtures("local_aws")
def test_it_says_how_many_networks_it_looked_at() -> None:
    last = found(check, local_site(network("10.20.0.0/16")))[-1]
    assert last.said == "no other network of the account overlaps (1 looked at)"
