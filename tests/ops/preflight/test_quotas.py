"""What is needed against what the account may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.preflight import quota_table
from ops.preflight.quotas import check
from ops.preflight.result import Verdict
from stacks.errors import ConfigurationError
from stacks.manifest import load_manifests
from stacks.yaml_file import load
from tests.ops.preflight.conftest import Deploy
from tests.ops.preflight.sites import (
    ACCOUNT,
    REGION,
    changed,
    failed,
    found,
    local_site,
    resource,
    site,
    stack,
)
from tests.ops.types.conftest import LocalAws

NETWORK = stack({"Vpc": resource("AWS::EC2::VPC", CidrBlock="10.20.0.0/16")}, "network")
ADDRESSES = stack({f"Ip{number}": resource("AWS::EC2::EIP") for number in range(6)}, "network")


def test_more_than_the_default_fails_and_names_the_request() -> None:
    (result,) = failed(check, site(ADDRESSES))
    assert result.said == "Elastic IP addresses: 6 of 5 (default)"
    assert "--service-code ec2 --quota-code L-0263D0A3 --desired-value 6" in result.mend


def test_the_tightest_are_named_where_all_hold() -> None:
    (result,) = found(check, site(NETWORK))
    assert result.said == "1 hold, tightest VPCs: 1 of 5 (default)"


@pytest.mark.usefixtures("in_moto")
def test_quota_is_the_accounts_own_where_service_quotas_knows_it() -> None:
    made = stack({"Group": resource("AWS::EC2::SecurityGroup")})
    (result,) = found(check, site(made, account=ACCOUNT))
    assert result.said == "1 hold, tightest security groups: 1 of 2500 (the account's quota)"


@pytest.mark.usefixtures("in_moto")
def test_quota_that_service_quotas_does_not_know_goes_by_the_default() -> None:
    made = stack({"Balancer": resource("AWS::ElasticLoadBalancingV2::LoadBalancer")})
    (result,) = found(check, site(made, account=ACCOUNT))
    assert result.said == "1 hold, tightest Application Load Balancers: 1 of 50 (default)"


def test_networks_of_others_count_too_and_the_environments_own_once(deploy: Deploy) -> None:
    deploy(NETWORK)
    (result,) = found(check, local_site(NETWORK))
    assert result.said == "1 hold, tightest VPCs: 1 beside 1 of others of 5 (default)"


def test_addresses_that_others_hold_count_too(local_aws: LocalAws) -> None:
    ec2 = local_aws.client("ec2", REGION)
    held = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(3)]
    wanted = stack({f"Ip{number}": resource("AWS::EC2::EIP") for number in range(3)}, "network")
    (result,) = failed(check, local_site(wanted))
    for each in held:
        ec2.release_address(AllocationId=each)
    assert result.said == "Elastic IP addresses: 3 beside 3 of others of 5 (default)"
    assert "--desired-value 6" in result.mend


def test_tasks_beyond_what_was_granted_name_the_key() -> None:
    capacity = changed().services.capacity.model_copy(update={"fargate_vcpus": 4})
    of = site(
        stack({}), environment=changed(services={"capacity": capacity}), manifests=tuple(load_manifests())
    )
    (result,) = failed(check, of)
    assert "of 4 (services.capacity.fargate_vcpus)" in result.said
    assert "environments/prod.yaml" in result.mend


def test_prefix_list_of_unknown_weight_is_unknown() -> None:
    rule = resource("AWS::EC2::SecurityGroupIngress", GroupId="sg-1", SourcePrefixListId="pl-1")
    result, *_ = found(check, site(stack({"Rule": rule})))
    assert result.verdict is Verdict.UNKNOWN
    assert "quotas.yaml" in result.mend


def test_figure_without_a_source_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text("sources: {}\nquotas: {vpcs: {title: VPCs, default: 5, source: hearsay}}\n")
    with pytest.raises(ConfigurationError, match="vpcs: has no source 'hearsay'"):
        load(file, quota_table.Table)
