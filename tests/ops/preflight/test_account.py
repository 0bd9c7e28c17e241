"""What is in the account already, and what is not yet: bootstrap, secrets, images, baseline, certificates."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from ops.plan.assembly import Stack
from ops.preflight import baseline, bootstrap, certificates, database_engine, images, keys
from ops.preflight.result import Verdict
from ops.preflight.site import Site
from stacks.manifest import load_manifests
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

PARAMETER = "/cdk-bootstrap/hnb659fds/version"
TAG = "71b3e4495cd8"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
REGISTRY = f"111111111111.dkr.ecr.{REGION}"
REPOSITORY = f"cdk-hnb659fds-container-assets-{{}}-{REGION}"


def bootstrapped(too_old: list[str]) -> Stack:
    """A stack that refuses the versions of the bootstrap that are too old, as the CDK writes it."""
    refusal = {"Fn::Not": [{"Fn::Contains": [too_old, {"Ref": "BootstrapVersion"}]}]}
    return stack(
        {},
        Parameters={"BootstrapVersion": {"Default": PARAMETER}},
        Rules={"CheckBootstrapVersion": {"Assertions": [{"Assert": refusal}]}},
    )


@pytest.mark.usefixtures("in_moto")
def test_region_that_is_not_bootstrapped_names_the_command() -> None:
    (result,) = failed(bootstrap.check, site(bootstrapped(["1"]), account=ACCOUNT))
    assert PARAMETER in result.said
    assert result.mend == f"richesreach cdk --env prod bootstrap aws://{ACCOUNT}/{REGION}"


@pytest.mark.usefixtures("in_moto")
@pytest.mark.parametrize(("version", "enough"), [("5", False), ("6", True), ("30", True)])
def test_version_of_the_bootstrap_is_compared_as_a_number(version: str, enough: bool) -> None:
    boto3.client("ssm", region_name=REGION).put_parameter(Name=PARAMETER, Value=version, Type="String")
    of = site(bootstrapped(["1", "2", "3", "4", "5"]), account=ACCOUNT)
    assert (failed(bootstrap.check, of) == []) is enough


def secret(name: str, value: str, region: str = REGION) -> None:
    boto3.client("secretsmanager", region_name=region).create_secret(Name=name, SecretString=value)


@pytest.mark.usefixtures("in_moto")
def test_secret_that_nobody_filled_is_found_in_each_region_that_lacks_it() -> None:
    secret("richesreach/prod/pagerduty", "key")
    results = failed(keys.check, site(account=ACCOUNT))
    assert {each.scope for each in results} == {"us-east-1", "ap-southeast-1"}
    assert "create-secret --region us-east-1 --name richesreach/prod/pagerduty" in results[0].mend


@pytest.mark.usefixtures("in_moto")
def test_value_of_a_secret_is_never_shown() -> None:
    for region in changed().regions:
        secret("richesreach/prod/pagerduty", "hunter2", region)
    results = found(keys.check, site(account=ACCOUNT))
    assert {each.said for each in results} == {"richesreach/prod/pagerduty has a value"}


@pytest.mark.usefixtures("in_moto")
def test_secret_that_a_service_needs_is_to_be_filled_in_once_the_deployment_has_made_it() -> None:
    of = asking("provider/quotes")
    (result,) = found(keys.check, of)
    assert (result.scope, result.verdict) == ("us-east-1", Verdict.OK)
    assert result.said.startswith("richesreach/prod/provider/quotes will be made, empty")
    secret("richesreach/prod/provider/quotes", "{}", "us-east-1")
    assert [each.said for each in found(keys.check, of)] == ["richesreach/prod/provider/quotes is there"]


@pytest.mark.usefixtures("in_moto")
def test_secret_on_its_way_out_stands_in_the_way_of_the_services_own() -> None:
    secret("richesreach/prod/provider/quotes", "{}", "us-east-1")
    boto3.client("secretsmanager", region_name="us-east-1").delete_secret(
        SecretId="richesreach/prod/provider/quotes"
    )
    (result,) = failed(keys.check, asking("provider/quotes"))
    assert "stands in the way of a new one" in result.said
    assert "--force-delete-without-recovery" in str(result.mend)


def asking(name: str) -> Site:
    """A singleton that needs a secret, in an environment that pages nobody."""
    gateway = next(found for found in load_manifests() if found.default)
    single = gateway.model_copy(update={"needs": [f"secrets:{name}"], "placement": "writer-region"})
    silent = changed(monitoring={"pagerduty_events_url": None})
    return site(account=ACCOUNT, environment=silent, manifests=(single,))


@pytest.mark.usefixtures("in_moto")
def test_secret_about_to_be_deleted_is_found() -> None:
    for region in changed().regions:
        secret("richesreach/prod/pagerduty", "key", region)
    boto3.client("secretsmanager", region_name=REGION).delete_secret(SecretId="richesreach/prod/pagerduty")
    (result,) = failed(keys.check, site(account=ACCOUNT))
    assert result.said == "richesreach/prod/pagerduty is about to be deleted"


@pytest.mark.usefixtures("local_aws")
def test_environment_that_protects_nothing_may_page_nobody() -> None:
    assert failed(keys.check, local_site()) == []


def task(image: Any) -> Stack:
    containers = [{"Name": "gateway", "Image": image}]
    return stack({"Task": resource("AWS::ECS::TaskDefinition", ContainerDefinitions=containers)})


OWN = task({"Fn::Sub": f"{REGISTRY}.${{AWS::URLSuffix}}/{REPOSITORY.format('111111111111')}:{TAG}"})


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DOCKER", "no-such-program")


@pytest.mark.usefixtures("in_moto", "no_docker")
def test_image_that_is_neither_there_nor_can_be_built_is_found() -> None:
    (result,) = failed(images.check, site(OWN, account=ACCOUNT))
    assert result.said.startswith(f"{REPOSITORY.format('111111111111')}:{TAG} is not there")
    assert "CDK_DOCKER" in result.mend


@pytest.mark.usefixtures("in_moto", "no_docker")
def test_image_is_looked_for_in_the_accounts_own_repository() -> None:
    ecr = boto3.client("ecr", region_name=REGION)
    ecr.create_repository(repositoryName=REPOSITORY.format(ACCOUNT))
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []})
    ecr.put_image(repositoryName=REPOSITORY.format(ACCOUNT), imageManifest=manifest, imageTag=TAG)
    assert failed(images.check, site(OWN, account=ACCOUNT)) == []


@pytest.mark.usefixtures("in_moto")
def test_image_that_can_be_built_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DOCKER", "true")
    assert "builds and pushes" in found(images.check, site(OWN, account=ACCOUNT))[0].said


@pytest.mark.usefixtures("in_moto", "no_docker")
def test_image_of_a_public_registry_is_not_looked_for() -> None:
    public = task("public.ecr.aws/aws-observability/aws-otel-collector@sha256:d2bd")
    (result,) = found(images.check, site(public, account=ACCOUNT))
    assert result.said == "no image of the account's registry is named"


BASELINE = stack(
    {
        "Detector": resource("AWS::GuardDuty::Detector", Enable=True),
        "Recorder": resource("AWS::Config::ConfigurationRecorder"),
        "Hub": resource("AWS::SecurityHub::Hub"),
    },
    "security",
)


def occupy() -> None:
    """Somebody has switched everything on."""
    boto3.client("guardduty", region_name=REGION).create_detector(Enable=True)
    boto3.client("securityhub", region_name=REGION).enable_security_hub()
    role = f"arn:aws:iam::{ACCOUNT}:role/config"
    boto3.client("config", region_name=REGION).put_configuration_recorder(
        ConfigurationRecorder={"name": "default", "roleARN": role}
    )


@pytest.mark.usefixtures("in_moto")
def test_account_that_has_a_baseline_refuses_a_second_one() -> None:
    occupy()
    (result,) = failed(baseline.check, site(BASELINE, account=ACCOUNT, deployed={}))
    assert (
        result.said == "the account has a GuardDuty detector and a Config recorder and Security Hub already"
    )
    assert "account_baseline to false" in result.mend


@pytest.mark.usefixtures("in_moto")
def test_baseline_that_the_stack_made_is_no_second_one() -> None:
    occupy()
    own = {"Detector": "d", "Recorder": "default", "Hub": "h"}
    assert failed(baseline.check, site(BASELINE, account=ACCOUNT, deployed=own)) == []


@pytest.mark.usefixtures("in_moto")
def test_empty_account_takes_the_baseline() -> None:
    assert failed(baseline.check, site(BASELINE, account=ACCOUNT, deployed={})) == []


def certificate(deployed: dict[str, str]) -> Any:
    made = stack({"Certificate": resource("AWS::CertificateManager::Certificate", DomainName="riches.dev")})
    return site(made, account=ACCOUNT, deployed=deployed)


@pytest.mark.usefixtures("in_moto")
def test_certificate_that_waits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACM_VALIDATION_WAIT", "3600")
    arn = boto3.client("acm", region_name=REGION).request_certificate(
        DomainName="riches.dev", ValidationMethod="DNS"
    )["CertificateArn"]
    (result,) = failed(certificates.check, certificate({"Certificate": arn}))
    assert result.said == "the certificate of riches.dev is PENDING_VALIDATION"


@pytest.mark.usefixtures("in_moto")
def test_certificate_that_is_yet_to_be_made_is_no_failure() -> None:
    assert failed(certificates.check, certificate({})) == []


@pytest.mark.usefixtures("local_aws")
@pytest.mark.parametrize(("version", "offered"), [("17.7", True), ("9.1", False)])
def test_version_of_the_database_is_one_that_rds_offers(version: str, offered: bool) -> None:
    environment = changed("local", database={"engine_version": version})
    results = failed(database_engine.check, local_site(environment=environment))
    assert (results == []) is offered
