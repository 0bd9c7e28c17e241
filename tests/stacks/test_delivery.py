"""Workflows deploy with roles that only their repository and environment get, and that can do little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from stacks.acknowledgements import acknowledge
from stacks.base import Site, context
from stacks.delivery.acknowledged import ACKNOWLEDGED
from stacks.delivery.stack import DEPLOY_HOURS, ISSUER, DeliveryStack
from stacks.environment import PLACEHOLDER_ACCOUNT, Environment, load_environment
from stacks.validation import validate
from tests.stacks.assembly import Assembly, Resource
from tests.stacks.environments import document, read

HOME = "us-east-1"
ACCOUNT = "111111111111"
REGIONS = ("us-east-1", "eu-west-1")
PERMITTED = (*REGIONS, "eu-central-1")
REPOSITORY = "acme@1234/platform@5678"


def role(assembly: Assembly, kind: str) -> Resource:
    return assembly.one(HOME, "delivery", "AWS::IAM::Role", RoleName=f"richesreach-staging-{kind}")


def statements(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    wanted = [{"Ref": role(assembly, kind).logical_id}]
    (policy,) = [p for p in assembly.policies(HOME, "delivery") if p.properties["Roles"] == wanted]
    found: list[dict[str, Any]] = policy.properties["PolicyDocument"]["Statement"]
    return found


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", ["prod", "staging", "dev", "local"])
def test_no_committed_environment_trusts_a_repository(name: str) -> None:
    assert load_environment(name).delivery.github_repository is None


def test_environment_without_a_repository_has_no_stack_of_delivery(staging: Assembly) -> None:
    assert staging.regions("delivery") == []


@pytest.mark.parametrize(("kind", "environment"), [("deploy", "staging"), ("look", "staging-look")])
def test_role_is_for_one_environment_of_one_repository(
    kind: str, environment: str, delivered: Assembly
) -> None:
    (trust,) = role(delivered, kind).properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": f"repo:{REPOSITORY}:environment:{environment}",
        }
    }


def test_token_comes_from_githubs_issuer_and_is_meant_for_aws(delivered: Assembly) -> None:
    provider = delivered.one(HOME, "delivery", "AWS::IAM::OIDCProvider")
    assert provider.properties["Url"] == f"https://{ISSUER}"
    assert provider.properties["ClientIdList"] == ["sts.amazonaws.com"]
    for kind in ("deploy", "look"):
        (trust,) = role(delivered, kind).properties["AssumeRolePolicyDocument"]["Statement"]
        assert provider.logical_id in json.dumps(trust["Principal"])


def test_roles_are_bounded_as_every_role_of_the_platform(delivered: Assembly) -> None:
    for kind in ("deploy", "look"):
        boundary = role(delivered, kind).properties["PermissionsBoundary"]
        assert "policy/richesreach-staging-us-east-1-boundary" in json.dumps(boundary)
    assert f"richesreach-staging-{HOME}-boundary" in delivered.depends(f"richesreach-staging-{HOME}-delivery")


def test_role_that_looks_can_only_take_the_roles_that_look_wherever_the_platform_may_be(
    delivered: Assembly,
) -> None:
    (only,) = statements(delivered, "look")
    assert only["Action"] == "sts:AssumeRole"
    assert sorted(only["Resource"]) == sorted(
        f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-lookup-role-{ACCOUNT}-{region}" for region in PERMITTED
    )


def test_role_that_deploys_changes_resources_through_the_bootstraps_roles_alone(delivered: Assembly) -> None:
    found = {statement["Sid"]: statement for statement in statements(delivered, "deploy")}
    taken = found["TakeTheBootstrapsRoles"]
    assert len(taken["Resource"]) == 4 * len(PERMITTED)
    assert not any("*" in arn for arn in taken["Resource"])
    writing = {
        (action, arn)
        for statement in found.values()
        for action in listed(statement["Action"])
        for arn in listed(statement["Resource"])
        if not action.startswith(("cloudformation:Describe", "cloudformation:Get", "cloudformation:List"))
        and action not in {"sts:AssumeRole", "cloudwatch:DescribeAlarms", "ec2:DescribeRegions"}
        and action not in {"s3:GetObject", "s3:ListBucket", "ssm:GetParameter"}
    }
    lock = f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/richesreach/staging/delivery/lock"
    record = f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{HOME}/richesreach/staging/runs/*"
    assert writing == {("ssm:PutParameter", lock), ("ssm:DeleteParameter", lock), ("s3:PutObject", record)}


def test_records_of_another_environment_are_not_listed(delivered: Assembly) -> None:
    (listing,) = [s for s in statements(delivered, "deploy") if s["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": "richesreach/staging/runs/*"}}


def test_everything_is_listed_only_where_aws_knows_no_resource(delivered: Assembly) -> None:
    wide = [s for s in statements(delivered, "deploy") if s["Resource"] == "*"]
    assert [s["Action"] for s in wide] == [
        ["cloudformation:DescribeStacks", "cloudwatch:DescribeAlarms", "ec2:DescribeRegions"]
    ]


def test_session_lasts_as_long_as_the_longest_deployment(delivered: Assembly) -> None:
    assert role(delivered, "deploy").properties["MaxSessionDuration"] == DEPLOY_HOURS * 3600
    assert role(delivered, "look").properties["MaxSessionDuration"] == 3600


def alone(folder: Path, environment: Environment) -> tuple[cdk.App, DeliveryStack]:
    """An app of the area's stack and nothing else."""
    app = cdk.App(context=context(environment, PLACEHOLDER_ACCOUNT), outdir=str(folder))
    site = Site(environment, PLACEHOLDER_ACCOUNT, HOME)
    return app, DeliveryStack(app, site, repository=REPOSITORY)


def test_second_environment_of_an_account_takes_the_provider_that_is_there(tmp_path: Path) -> None:
    contents = document("staging")
    contents["delivery"] |= {"create_provider": False}
    app, _ = alone(tmp_path / "cdk.out", read(tmp_path, contents, "staging"))
    app.synth()
    assembly = Assembly(tmp_path / "cdk.out", "staging")
    assert assembly.all(HOME, "delivery", "AWS::IAM::OIDCProvider") == []
    (trust,) = role(assembly, "deploy").properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}


@pytest.mark.parametrize("accepted", [True, False])
def test_policy_pack_finds_nothing_but_what_is_accepted(accepted: bool, tmp_path: Path) -> None:
    """Only the wide resources that the area names; without its list the pack finds just those."""
    environment = load_environment("staging")
    app, stack = alone(tmp_path, environment)
    validate(app, environment, packs=[AwsSolutionsChecks])
    if accepted:
        acknowledge(stack, ACKNOWLEDGED)
        app.synth()
        return
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    plugins = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    found = {
        violation["ruleName"].partition("[")[0] for plugin in plugins for violation in plugin["violations"]
    }
    assert found == {"AwsSolutions-IAM5"}
