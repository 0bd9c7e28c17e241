"""Drains regions and moves writes through the KeyValueStore that the viewer-request function reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops import account
from ops.account import LOCAL
from ops.errors import OperationError, UsageError
from ops.local.edge.key_value_store import store_client
from stacks.environment import Environment, load_environment

#: The key whose value lists the drained regions, separated by commas.
DRAINED = "drained"

#: The key whose value is the region that takes writes; absent, each viewer's own does.
WRITER = "writer"

#: Two engineers may write at once; each retry reads the other's change first.
ATTEMPTS = 5

_MENDS = {True: "is the platform up? `make up`", False: "sign in, e.g. `aws sso login`, and set AWS_PROFILE"}

Change = Callable[[set[str]], set[str]]


def drain(region: str, environment: str = LOCAL, *, leaving: bool = False) -> str:
    """Adds ``region`` to the drained ones; says how traffic goes now. ``leaving``: it still serves, and the
    environment's file knows it no longer."""
    return _apply(environment, region, DRAINED, lambda drained: drained | {region}, leaving=leaving)


def undrain(region: str, environment: str = LOCAL, *, leaving: bool = False) -> str:
    """Removes ``region`` from the drained ones; says how traffic goes now."""
    return _apply(environment, region, DRAINED, lambda drained: drained - {region}, leaving=leaving)


def write_to(region: str | None, environment: str = LOCAL) -> str:
    """Sends every write to ``region``; None lets each viewer's own region take them again."""
    return _apply(environment, region, WRITER, lambda _: {region} if region else set())


def status(environment: str = LOCAL) -> str:
    """How traffic goes now."""
    return _apply(environment, None, DRAINED, lambda drained: drained)


def _apply(name: str, region: str | None, key: str, change: Change, *, leaving: bool = False) -> str:
    environment = load_environment(name)
    if region is not None and region not in environment.regions and not leaving:
        known = ", ".join(environment.regions)
        raise UsageError(f"{region!r} is no region of {environment.name}; choose one of {known}")
    try:
        store, store_arn = _store(name), _store_arn(environment)
        _write(environment, store, store_arn, key, change)
        drained, writer = (", ".join(sorted(_read(store, store_arn, each))) for each in (DRAINED, WRITER))
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"the routing store of {name} does not answer ({error}); {_MENDS[name == LOCAL]}"
        ) from None
    return f"drained: {drained or 'none'}; writes go to: {writer or 'the nearest region'}"


def _store(environment: str) -> Any:
    if environment == LOCAL:
        return store_client()
    return account.client(environment, "cloudfront-keyvaluestore", "us-east-1")


def _write(environment: Environment, store: Any, store_arn: str, key: str, change: Change) -> None:
    for _ in range(ATTEMPTS):
        etag = store.describe_key_value_store(KvsARN=store_arn)["ETag"]
        before = _read(store, store_arn, key)
        after = change(before)
        if after == before:
            return
        if key == DRAINED and after > before and after >= set(environment.regions):
            raise UsageError(
                f"{(after - before).pop()} is the last region that serves; undrain another first"
            )
        try:
            if after:
                store.put_key(KvsARN=store_arn, Key=key, Value=",".join(sorted(after)), IfMatch=etag)
            else:
                store.delete_key(KvsARN=store_arn, Key=key, IfMatch=etag)
        except (store.exceptions.ConflictException, store.exceptions.ValidationException):
            continue
        return
    raise OperationError("the routing store keeps changing; try again")


def _read(store: Any, store_arn: str, key: str) -> set[str]:
    try:
        value = store.get_key(KvsARN=store_arn, Key=key)["Value"]
    except store.exceptions.ResourceNotFoundException:
        return set()
    return {region for region in value.split(",") if region}


def _store_arn(environment: Environment) -> str:
    """The store as the edge stack published it."""
    name = environment.names.parameter("edge", "routing-store-arn")
    ssm = account.client(environment.name, "ssm", environment.dns_region)
    response = ssm.get_parameter(Name=name)
    return str(response["Parameter"]["Value"])
