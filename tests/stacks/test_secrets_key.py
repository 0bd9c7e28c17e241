"""Every secret lies under the key of its region; who reads or writes a secret may use that key."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from tests.stacks.assembly import Assembly
from tests.stacks.test_security_everywhere import identity_policies, listed, resources

#: Region of the ARN of a secret, of which CloudFormation may have to join the parts.
SECRET = re.compile(r"secretsmanager:([a-z0-9-]+):\d+:secret:")

#: Region of every key that a grant by alias is on.
ANY_KEY = re.compile(r"^arn:aws:kms:([a-z0-9-]+):\d+:key/\*$")

#: Actions that turn a key into plain text or cipher text, or let somebody else do so.
USING = {"Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant"}


@pytest.fixture(params=["prod", "staging", "dev", "local", "single"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    found: Assembly = request.getfixturevalue(request.param)
    return found


def alias(assembly: Assembly) -> str:
    return f"alias/richesreach-{assembly.environment}-secrets"


def secrets(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stack and properties of every secret."""
    for place, _, properties in resources(assembly, "AWS::SecretsManager::Secret"):
        yield place.partition("/")[0], properties


def statements(assembly: Assembly, region: str) -> dict[str, dict[str, Any]]:
    """Of the key policy of a region's secrets, by their ids."""
    policy = assembly.one(region, "boundary", "AWS::KMS::Key").properties["KeyPolicy"]
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def granted(assembly: Assembly, service: str, *actions: str) -> dict[str, set[str]]:
    """Regions whose secrets or whose key of secrets each identity policy allows all ``actions`` on."""
    found: dict[str, set[str]] = defaultdict(set)
    for place, statement in identity_policies(assembly):
        if {f"{service}:{action}" for action in actions} <= set(listed(statement["Action"])):
            for resource in listed(statement["Resource"]):
                key = resource.get("Fn::GetStackOutput", {}) if isinstance(resource, dict) else {}
                if key.get("StackName", "").endswith("-boundary"):
                    found[place].add(key["Region"])
                found[place] |= set(SECRET.findall("".join(_parts(resource))))
                if _named(assembly, statement):
                    found[place] |= set(ANY_KEY.findall(str(resource)))
    return {place: regions for place, regions in found.items() if regions}


def _named(assembly: Assembly, statement: dict[str, Any]) -> bool:
    """Whether it is of the keys of secrets alone, by their alias."""
    aliases = statement.get("Condition", {}).get("ForAnyValue:StringEquals", {})
    return bool(aliases == {"kms:ResourceAliases": alias(assembly)})


def _parts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and "Fn::Join" in value:
        yield from (part for part in value["Fn::Join"][1] if isinstance(part, str))


def test_every_secret_and_every_copy_of_it_has_the_key_of_its_region(assembly: Assembly) -> None:
    found = list(secrets(assembly))
    assert found
    for stack, properties in found:
        keys = {copy["Region"]: copy.get("KmsKeyId") for copy in properties.get("ReplicaRegions", [])}
        assert {properties.get("KmsKeyId"), *keys.values()} == {alias(assembly)}, stack


def test_no_secret_is_made_or_copied_before_its_key(assembly: Assembly) -> None:
    for stack, properties in secrets(assembly):
        own = str(assembly.stacks[stack]["environment"]).rpartition("/")[2]
        for region in (own, *(copy["Region"] for copy in properties.get("ReplicaRegions", []))):
            assert assembly.stack_id(region, "boundary") in assembly.depends(stack), f"{stack} in {region}"
            names = assembly.all(region, "boundary", "AWS::KMS::Alias")
            assert [name.properties["AliasName"] for name in names] == [alias(assembly)]


def test_key_of_secrets_rotates_and_outlives_its_stack(prod: Assembly) -> None:
    for region in prod.regions("boundary"):
        key = prod.one(region, "boundary", "AWS::KMS::Key")
        assert key.properties["EnableKeyRotation"] is True
        assert (key.whole["DeletionPolicy"], key.whole["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_key_of_secrets_is_used_through_secrets_manager_of_the_regions_alone(prod: Assembly) -> None:
    services = [f"secretsmanager.{region}.amazonaws.com" for region in load_environment("prod").reach]
    for region in prod.regions("boundary"):
        using = [
            statement
            for statement in statements(prod, region).values()
            if any(action.removeprefix("kms:").rstrip("*") in USING for action in statement["Action"])
        ]
        assert [statement["Condition"] for statement in using] == [
            {"StringEquals": {"kms:CallerAccount": PLACEHOLDER_ACCOUNT, "kms:ViaService": services}}
        ]


def test_key_policy_leaves_it_to_identity_policies_who_uses_the_key(prod: Assembly) -> None:
    root = {"AWS": f"arn:aws:iam::{PLACEHOLDER_ACCOUNT}:root"}
    for region in prod.regions("boundary"):
        assert all(statement["Principal"] == root for statement in statements(prod, region).values())


def test_secrets_where_the_edge_alone_is_are_copied_under_the_key_of_the_region_that_serves(
    single: Assembly,
) -> None:
    (serving,) = single.regions("ecs")
    secret, *_ = single.all("us-east-1", "edge-state", "AWS::SecretsManager::Secret")
    copies = secret.properties["ReplicaRegions"]
    assert copies == [{"Region": serving, "KmsKeyId": alias(single)}]
    assert serving != "us-east-1"


def test_whoever_may_read_a_secret_may_open_it(assembly: Assembly) -> None:
    readers = granted(assembly, "secretsmanager", "GetSecretValue")
    assert readers
    assert readers == granted(assembly, "kms", "Decrypt")


def test_whoever_changes_a_secret_may_seal_it_and_its_copies(assembly: Assembly) -> None:
    writers = granted(assembly, "secretsmanager", "PutSecretValue")
    seals = granted(assembly, "kms", "Encrypt", "GenerateDataKey")
    assert writers
    assert set(seals) == set(writers)
    for place, regions in writers.items():
        needed = regions | set(assembly.regions("ecs"))
        assert needed <= seals[place] <= needed | permitted(assembly), place


def permitted(assembly: Assembly) -> set[str]:
    """Regions that the boundary of roles lets anybody act in: a region that joins is sealed for already."""
    policy = assembly.one("us-east-1", "boundary", "AWS::IAM::ManagedPolicy").properties["PolicyDocument"]
    (stay,) = [each for each in policy["Statement"] if each["Sid"] == "StayInTheRegions"]
    return set(stay["Condition"]["StringNotEquals"]["aws:RequestedRegion"])


def test_no_secret_is_left_to_the_key_that_aws_manages(assembly: Assembly) -> None:
    assert "aws/secretsmanager" not in json.dumps(assembly.templates)
