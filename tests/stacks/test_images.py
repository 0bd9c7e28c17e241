"""Images are scanned when they are pushed, and stay as long as anything may return to them."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
import yaml

from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
BOOTSTRAP = ROOT / "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml"


@pytest.fixture(scope="module")
def repository() -> dict[str, Any]:
    """Where the pinned CLI's bootstrap keeps images."""
    found: dict[str, Any] = yaml.safe_load(BOOTSTRAP.read_text())["Resources"]["ContainerAssetsRepository"]
    return dict(found["Properties"])


def images(assembly: Assembly, region: str) -> list[dict[str, Any]]:
    """Where the images of a region's services are pushed to."""
    (manifest,) = assembly.folder.glob(f"{assembly.stack_id(region, 'ecs')}.assets.json")
    found = json.loads(manifest.read_text())["dockerImages"].values()
    return [place for image in found for place in image["destinations"].values()]


@pytest.mark.parametrize("region", REGIONS)
def test_every_repository_that_images_are_pushed_to_is_scanned_on_push(region: str, prod: Assembly) -> None:
    scan = prod.one(region, "security", "AWS::ECR::RegistryScanningConfiguration").properties
    (rule,) = scan["Rules"]
    (pattern,) = [each["Filter"] for each in rule["RepositoryFilters"]]
    assert (scan["ScanType"], rule["ScanFrequency"]) == ("BASIC", "SCAN_ON_PUSH")
    places = images(prod, region)
    assert places
    assert all(fnmatch.fnmatchcase(place["repositoryName"], pattern) for place in places)


@pytest.mark.parametrize("region", REGIONS)
def test_images_are_pushed_to_the_region_that_runs_them(region: str, prod: Assembly) -> None:
    assert {place["region"] for place in images(prod, region)} == {region}


def test_registry_is_left_alone_where_the_baseline_is_anothers(dev: Assembly) -> None:
    assert not dev.all("us-east-1", "security", "AWS::ECR::RegistryScanningConfiguration")


def test_no_tagged_image_is_ever_expired(repository: dict[str, Any]) -> None:
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rules
    assert {rule["selection"]["tagStatus"] for rule in rules} == {"untagged"}


def test_tag_that_a_rollback_names_is_the_image_that_it_was(repository: dict[str, Any]) -> None:
    assert repository["ImageTagMutability"] == "IMMUTABLE"


@pytest.mark.parametrize("region", REGIONS)
def test_tasks_log_in_to_the_database_with_their_secret_and_may_not_by_their_role(
    region: str, prod: Assembly
) -> None:
    assert "rds-db:connect" not in json.dumps(prod.templates[prod.stack_id(region, "ecs")])
    definitions = prod.all(region, "ecs", "AWS::ECS::TaskDefinition")
    secrets = [
        secret["Name"]
        for definition in definitions
        for container in definition.properties["ContainerDefinitions"]
        for secret in container.get("Secrets", ())
    ]
    assert "DATABASE_PASSWORD" in secrets
