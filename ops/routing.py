"""Drains regions through the KeyValueStore that the viewer-request function reads."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperationError, UsageError
from ops.local import aws
from ops.local.edge.key_value_store import store_client
from stacks.environment import Environment, load_environment

#: The key whose value lists the drained regions, separated by commas.
KEY = "drained"

#: Two engineers may write at once; each retry reads the other's list first.
ATTEMPTS = 5


def drain(region: str) -> str:
    """Adds ``region`` to the drained ones; says what is drained now."""
    return _change(region, drained=True)


def undrain(region: str) -> str:
    """Removes ``region`` from the drained ones; says what is drained now."""
    return _change(region, drained=False)


def _change(region: str, *, drained: bool) -> str:
    environment = load_environment("local")
    if region not in environment.regions:
        known = ", ".join(environment.regions)
        raise UsageError(f"{region!r} is no region of {environment.name}; choose one of {known}")
    try:
        left = _write(environment, region, drained=drained)
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"the routing store does not answer ({error}); is the platform up? `make up`"
        ) from None
    return f"drained: {', '.join(left) or 'none'}"


def _write(environment: Environment, region: str, *, drained: bool) -> list[str]:
    store_arn = _store_arn(environment)
    store = store_client()
    for _ in range(ATTEMPTS):
        etag = store.describe_key_value_store(KvsARN=store_arn)["ETag"]
        regions = set(_drained(store, store_arn))
        regions = regions | {region} if drained else regions - {region}
        if regions == set(environment.regions):
            raise UsageError(f"{region} is the last region that serves; undrain another first")
        try:
            if regions:
                store.put_key(KvsARN=store_arn, Key=KEY, Value=",".join(sorted(regions)), IfMatch=etag)
            elif _drained(store, store_arn):
                store.delete_key(KvsARN=store_arn, Key=KEY, IfMatch=etag)
        except (store.exceptions.ConflictException, store.exceptions.ValidationException):
            continue
        return sorted(regions)
    raise OperationError("the routing store keeps changing; try again")


def _drained(store: Any, store_arn: str) -> list[str]:
    try:
        value = store.get_key(KvsARN=store_arn, Key=KEY)["Value"]
    except store.exceptions.ResourceNotFoundException:
        return []
    return [region for region in value.split(",") if region]


def _store_arn(environment: Environment) -> str:
    """The store as the edge stack published it."""
    name = environment.names.parameter("edge", "routing-store-arn")
    response = aws.client("ssm", environment.dns_region).get_parameter(Name=name)
    return str(response["Parameter"]["Value"])
