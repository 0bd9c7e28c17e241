"""Secrets Manager: secrets whose `Ref` is the ARN, replicated through the API, and what is tied to them."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import get_region
from ministack.services import secretsmanager
from ministack.services.cloudformation import drift, provisioners

from ops.local.types import api
from ops.local.types.recorded import recorded
from ops.local.types.registry import (
    Properties,
    Provisioned,
    ResourceType,
    built_in,
    call_built_in_delete,
    call_built_in_update,
    replace,
)
from ops.local.types.shapes import arguments
from ops.local.types.through_api import ThroughApi

_NO_KEYS = "that the KMS key really protects the value, and who may read it"
_VALUE = "Ref is the ARN; generated passwords keep their constraints; replicas are readable and follow"


def types() -> list[ResourceType]:
    """Every Secrets Manager type of this package."""
    _detect_drift()
    return [
        _secret(),
        _attachment(),
        ThroughApi(
            "AWS::SecretsManager::ResourcePolicy",
            "secretsmanager",
            "PutResourcePolicy",
            "ARN",
            "DeleteResourcePolicy",
            lambda pid, _: {"SecretId": pid},
            adapt=lambda p: {**p, "ResourcePolicy": p.get("ResourcePolicy")},
            update="PutResourcePolicy",
            id_argument="SecretId",
            cannot_prove="that the policy is enforced",
        ).resource(),
        recorded(
            "AWS::SecretsManager::RotationSchedule",
            "{SecretId}",
            create_only=("SecretId",),
            cannot_prove="that a rotation runs",
        ),
    ]


def _secret() -> ResourceType:
    shipped = built_in("AWS::SecretsManager::Secret")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        _require_keys(properties)
        given = arguments("secretsmanager", "CreateSecret", properties)
        given["Name"] = properties.get("Name") or provisioners._physical_name(stack, logical_id)
        value = _value(properties)
        if value:
            given["SecretString"] = value
        arn = str(api.call("secretsmanager", "CreateSecret", **given)["ARN"])
        if properties.get("ReplicaRegions"):
            # The server's CreateSecret passes over AddReplicaRegions.
            given = arguments(
                "secretsmanager",
                "ReplicateSecretToRegions",
                {"AddReplicaRegions": properties["ReplicaRegions"]},
            )
            api.call("secretsmanager", "ReplicateSecretToRegions", SecretId=arn, **given)
        return arn, {"Id": arn, "Arn": arn}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("Name") != new.get("Name"):
            return replace(resource, pid, old, new, stack, logical_id)
        _require_keys(new)
        key, _record = secretsmanager._resolve(pid)
        generated = old.get("GenerateSecretString") != new.get("GenerateSecretString")
        # The shipped update keeps the value's versions, but generates passwords without their constraints.
        kept = {**new, "Name": key, "GenerateSecretString": old.get("GenerateSecretString")}
        call_built_in_update(shipped, key, {**old, "Name": key}, kept, stack, logical_id)
        if generated:
            api.call("secretsmanager", "PutSecretValue", SecretId=pid, SecretString=_value(new))
        return pid, {"Id": pid, "Arn": pid}

    def delete(physical_id: str, properties: Properties) -> None:
        key, _record = secretsmanager._resolve(physical_id)
        if key is not None:
            # Takes the replicas down with it, which DeleteSecret refuses to do.
            call_built_in_delete(shipped, key, properties)

    resource = ResourceType(
        "AWS::SecretsManager::Secret",
        "real",
        f"{_VALUE}; each has a key that its region knows",
        _NO_KEYS,
        create,
        update,
        delete,
    )
    return resource


def _detect_drift() -> None:
    """The server looks a secret up by its name when it detects drift; the id of these is the ARN."""
    by_name, compared = drift._DRIFT_READERS["AWS::SecretsManager::Secret"]

    def read(physical_id: str, properties: Properties) -> Any:
        key, _record = secretsmanager._resolve(physical_id)
        return None if key is None else by_name(key, properties)

    drift._DRIFT_READERS["AWS::SecretsManager::Secret"] = (read, compared)


def _require_keys(properties: Properties) -> None:
    """Refuses a secret whose key its region does not have, or a copy likewise, as AWS does.

    A stack that comes before the one that makes the key of a region so fails here too.
    """
    places = [(get_region(), properties.get("KmsKeyId"))]
    places += [(str(copy["Region"]), copy.get("KmsKeyId")) for copy in properties.get("ReplicaRegions") or []]
    for region, key in places:
        if key:
            try:
                api.call("kms", "DescribeKey", region, KeyId=key)
            except ClientError as error:
                raise ValueError(f"{region} has no key {key}: {error}") from error


def _value(properties: Properties) -> str:
    """The declared value, or one with a password by GetRandomPassword under the key that the template names.

    Raises ValueError when SecretStringTemplate is no JSON object.
    """
    generate = properties.get("GenerateSecretString")
    if generate is None:
        return str(properties.get("SecretString", ""))
    given = arguments("secretsmanager", "GetRandomPassword", generate)
    password = str(api.call("secretsmanager", "GetRandomPassword", **given)["RandomPassword"])
    if not generate.get("GenerateStringKey"):
        return password
    template: Any = json.loads(generate.get("SecretStringTemplate") or "{}")
    if not isinstance(template, dict):
        raise ValueError("GenerateSecretString.SecretStringTemplate must be a JSON object")  # noqa: TRY004
    return json.dumps({**template, generate["GenerateStringKey"]: password})


def _attachment() -> ResourceType:
    shipped = built_in("AWS::SecretsManager::SecretTargetAttachment")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        arn, attributes = shipped["create"](logical_id, properties, stack)
        _name_cluster(arn, properties)
        return arn, {**attributes, "Id": arn}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        arn, attributes = call_built_in_update(shipped, pid, old, new, stack, logical_id)
        _name_cluster(arn, new)
        return arn, {**attributes, "Id": arn}

    def delete(physical_id: str, properties: Properties) -> None:
        call_built_in_delete(shipped, physical_id, properties)

    return ResourceType(
        "AWS::SecretsManager::SecretTargetAttachment",
        "real",
        "writes engine, host, port, dbname and the identifier of the database into the secret",
        _NO_KEYS,
        create,
        update,
        delete,
    )


def _name_cluster(arn: str, properties: Properties) -> None:
    field = {
        "AWS::RDS::DBCluster": "dbClusterIdentifier",
        "AWS::RDS::DBInstance": "dbInstanceIdentifier",
    }.get(str(properties.get("TargetType")))
    if field is None:
        return
    value = json.loads(api.call("secretsmanager", "GetSecretValue", SecretId=arn)["SecretString"])
    value[field] = properties["TargetId"]
    api.call("secretsmanager", "PutSecretValue", SecretId=arn, SecretString=json.dumps(value))
