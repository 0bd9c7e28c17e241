"""Regions that lack what the stacks would make there."""

from __future__ import annotations

import pytest
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from ops.preflight.availability import check, features
from tests.ops.preflight.sites import ACCOUNT, REGION, failed, found, resource, site, stack

MEMBER = resource("AWS::ElastiCache::ReplicationGroup", GlobalReplicationGroupId="ldgnf-x")


def test_types_that_cloudformation_has_in_the_region_are_fine() -> None:
    (result,) = found(check, site(stack({"Bucket": resource("AWS::S3::Bucket")})))
    assert result.said == "the region has all 1 resource types"


def test_type_that_cloudformation_lacks_in_the_region_is_found() -> None:
    made = stack({"Edge": resource("AWS::CloudFront::Nothing")})
    (result,) = failed(check, site(made))
    assert result.said == "the region lacks AWS::CloudFront::Nothing"
    assert "environments/prod.yaml" in result.mend


def test_custom_resources_are_the_stacks_own() -> None:
    assert failed(check, site(stack({"Own": resource("Custom::RunTask")}))) == []


def test_region_without_the_global_datastore_is_found() -> None:
    (result,) = failed(check, site(stack({"Member": MEMBER}, region="ap-east-2")))
    assert result.said == "the region lacks a member of an ElastiCache Global Datastore"


def test_region_with_the_global_datastore_is_fine() -> None:
    assert failed(check, site(stack({"Member": MEMBER}))) == []


def test_every_feature_has_a_source() -> None:
    assert {each.source for each in features().features.values()} <= features().sources.keys()


@pytest.mark.usefixtures("in_moto")
def test_region_that_the_account_has_not_enabled_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    (cape_town,) = (each for each in RegionsAndZonesBackend.regions if each.name == "af-south-1")
    monkeypatch.setattr(cape_town, "opt_in_status", "not-opted-in")
    made = stack({"Bucket": resource("AWS::S3::Bucket")}, region="af-south-1")
    (result,) = failed(check, site(made, account=ACCOUNT))
    assert result.mend == "aws account enable-region --region-name af-south-1"


@pytest.mark.usefixtures("in_moto")
@pytest.mark.parametrize(
    ("region", "lacking"), [(REGION, []), ("cn-north-1", ["the region lacks the service aps"])]
)
def test_service_that_aws_does_not_list_in_the_region_is_found(region: str, lacking: list[str]) -> None:
    made = stack({"Workspace": resource("AWS::APS::Workspace")}, region=region)
    assert [
        each.said for each in failed(check, site(made, account=ACCOUNT)) if "service" in each.said
    ] == lacking
