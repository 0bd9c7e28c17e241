"""Rules that hold for every resource of every stack, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stacks.assembly import Assembly, walk
from tests.stacks.test_security import boundary, denied

CLASSES = {"public", "internal", "confidential", "personal"}

#: Types that keep data of their own.
HOLDS_DATA = {
    "AWS::Backup::BackupVault",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Kinesis::Stream",
    "AWS::Logs::LogGroup",
    "AWS::MSK::Cluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}

#: Tag properties that are maps, and those that are lists of another shape.
MAPPED = {"AWS::Backup::BackupVault": "BackupVaultTags"}


@pytest.fixture(params=["prod", "staging", "dev", "local", "single"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    found: Assembly = request.getfixturevalue(request.param)
    return found


def resources(assembly: Assembly, kind: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Place, type and properties of every resource, or of those of one type."""
    for stack, template in assembly.templates.items():
        for logical_id, resource in template.get("Resources", {}).items():
            if kind in ("", resource["Type"]):
                yield f"{stack}/{logical_id}", resource["Type"], resource.get("Properties", {})


def region_of(assembly: Assembly, place: str) -> str:
    stack = place.partition("/")[0]
    return str(assembly.stacks[stack]["environment"]).rpartition("/")[2]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def tags(kind: str, properties: dict[str, Any]) -> dict[str, str]:
    found = properties.get(MAPPED.get(kind, "Tags"), {})
    return found if isinstance(found, dict) else {tag["Key"]: tag["Value"] for tag in found}


def test_every_role_has_the_boundary_of_its_region(assembly: Assembly) -> None:
    roles = list(resources(assembly, "AWS::IAM::Role"))
    assert roles
    for place, _, properties in roles:
        name = f"richesreach-{assembly.environment}-{region_of(assembly, place)}-boundary"
        assert properties.get("PermissionsBoundary") == f"arn:aws:iam::111111111111:policy/{name}", place


def test_no_role_comes_before_its_boundary(assembly: Assembly) -> None:
    for place, _, _ in resources(assembly, "AWS::IAM::Role"):
        stack = place.partition("/")[0]
        boundary_stack = assembly.stack_id(region_of(assembly, place), "boundary")
        assert boundary_stack in assembly.depends(stack), place


def test_no_user_or_access_key_is_made(assembly: Assembly) -> None:
    for place, kind, _ in resources(assembly):
        assert kind not in ("AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::Group"), place


def identity_policies(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role's own policies."""
    for place, kind, properties in resources(assembly):
        documents: list[dict[str, Any]] = []
        if kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") and "-boundary/" not in place:
            documents = [properties["PolicyDocument"]]
        elif kind == "AWS::IAM::Role":
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in documents:
            for statement in listed(document["Statement"]):
                yield place, statement


def test_boundary_denies_nothing_that_a_role_is_given(assembly: Assembly) -> None:
    said = boundary(assembly, next(iter(assembly.regions("boundary"))))
    for place, statement in identity_policies(assembly):
        if statement["Effect"] == "Allow":
            for action in listed(statement.get("Action", [])):
                assert not denied(said, action), f"{place} allows {action}, which its boundary denies"


def test_no_role_is_given_everything(assembly: Assembly) -> None:
    for place, statement in identity_policies(assembly):
        if statement["Effect"] == "Allow":
            assert "NotAction" not in statement, place
            assert "*" not in listed(statement["Action"]), place


def test_every_key_rotates(assembly: Assembly) -> None:
    keys = list(resources(assembly, "AWS::KMS::Key"))
    assert keys
    for place, _, properties in keys:
        # Asymmetric keys and HMAC keys cannot rotate (AWS::KMS::Key, EnableKeyRotation).
        if properties.get("KeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT":
            assert properties.get("EnableKeyRotation") is True, place


def key_statements(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
        for place, _, properties in resources(assembly, kind):
            for statement in properties["KeyPolicy"]["Statement"]:
                yield place, statement


def test_only_the_account_administers_keys(assembly: Assembly) -> None:
    for place, statement in key_statements(assembly):
        if "kms:*" in listed(statement["Action"]):
            principal = statement["Principal"]
            assert set(principal) == {"AWS"}, place
            assert str(principal["AWS"]).count(":root") == 1, place


def test_no_key_is_open_to_a_service_without_a_condition(assembly: Assembly) -> None:
    for place, statement in key_statements(assembly):
        if statement["Effect"] == "Allow" and "Service" in statement.get("Principal", {}):
            condition = str(statement.get("Condition", {}))
            assert re.search("aws:Source(Arn|Account)|kms:EncryptionContext|kms:ViaService", condition), (
                f"{place}: {statement.get('Sid')} lets a service use the key for anybody's data"
            )


def test_no_key_is_open_to_everybody(assembly: Assembly) -> None:
    for place, statement in key_statements(assembly):
        principal = statement["Principal"]
        if statement["Effect"] == "Allow" and "*" in (principal, *listed(dict(principal).get("AWS", []))):
            assert "kms:CallerAccount" in str(statement.get("Condition", {})), place


def test_whatever_holds_data_says_which_kind(assembly: Assembly) -> None:
    for place, kind, properties in resources(assembly):
        if kind in HOLDS_DATA:
            assert tags(kind, properties).get("classification") in CLASSES, place


def test_where_people_are_kept_is_marked_as_personal(prod: Assembly) -> None:
    for area, kind in (
        ("datalake", "AWS::S3::Bucket"),
        ("global-db", "AWS::RDS::DBCluster"),
        ("global-db", "AWS::ElastiCache::ReplicationGroup"),
    ):
        for region in prod.regions(area):
            for resource in prod.all(region, area, kind):
                assert tags(kind, resource.properties)["classification"] == "personal"


#: A value that reads like a credential: AWS keys, private keys, tokens of providers, bearer tokens.
SECRET = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{36}"
    r"|\bxox[abpr]-[A-Za-z0-9-]{10,}|\bsk-[A-Za-z0-9]{20,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ"
    r"|postgres(?:ql)?://[^/\s:@]+:[^/\s@]+@"
)
SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL)S?$", re.IGNORECASE)


def test_no_template_carries_what_reads_like_a_credential(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        for key, value in walk(template):
            for text in (key, value):
                if isinstance(text, str):
                    assert not SECRET.search(text), f"{stack}: {key}"


def variables(assembly: Assembly) -> Iterator[tuple[str, str, Any]]:
    """Every plain environment variable of a function or container."""
    for place, kind, properties in resources(assembly):
        if kind == "AWS::Lambda::Function":
            for name, value in properties.get("Environment", {}).get("Variables", {}).items():
                yield place, name, value
        if kind == "AWS::ECS::TaskDefinition":
            for container in properties["ContainerDefinitions"]:
                for variable in container.get("Environment", []):
                    yield place, variable["Name"], variable["Value"]


def test_no_environment_variable_holds_a_secret(assembly: Assembly) -> None:
    seen = list(variables(assembly))
    assert seen
    for place, name, value in seen:
        assert not SECRET_NAME.search(name), f"{place}: {name} belongs among the secrets"
        assert "resolve:secretsmanager" not in str(value), (
            f"{place}: {name} would be readable in the template"
        )


def test_no_name_of_a_log_group_is_made_of_a_secret(assembly: Assembly) -> None:
    for place, _, properties in resources(assembly, "AWS::Logs::LogGroup"):
        name = str(properties.get("LogGroupName", ""))
        assert "resolve:" not in name, place
        assert not SECRET.search(name), place


def test_every_log_group_ends_what_it_keeps(assembly: Assembly) -> None:
    for place, _, properties in resources(assembly, "AWS::Logs::LogGroup"):
        assert properties.get("RetentionInDays"), f"{place} keeps its lines for ever"
