"""Erases what one store of this region holds about one subject; run again until it says ``done``.

Event: ``{"store": "lake" | "cache" | "global-cache" | "database" | "user-pool", "subject": id,
"dry_run": bool, "so_far": what the last run returned, or {}}``. Returns
``{"done": bool, "erased": {what: count}, …}``, the counts added up over the
runs. With ``dry_run`` the counts are what would be erased.

Idempotent: a second erasure finds nothing and counts 0.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
import cache
import database
import lake
import user_pool

#: Time kept back to answer before Lambda cuts the function off.
RESERVE_MILLISECONDS = 20_000


class UnknownStoreError(Exception):
    """The event names a store that this function does not know."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    store, subject, dry_run = event["store"], str(event["subject"]), bool(event["dry_run"])
    so_far = event.get("so_far") or {}

    def in_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS)

    if store == "lake":
        prefixes = json.loads(os.environ["LAKE_PREFIXES"])
        bucket = lake.Bucket(boto3.client("s3"), os.environ["LAKE_BUCKET"])
        return lake.erase(bucket, prefixes, subject, dry_run=dry_run, so_far=so_far, in_time=in_time)
    if store in ("cache", "global-cache"):
        with cache.connect(
            _parameter(store), _port("CACHE_PORT"), _flag("CACHE_TLS"), _login(LOGINS[store])
        ) as server:
            patterns = json.loads(os.environ["CACHE_PATTERNS"])
            return cache.erase(server, patterns, subject, dry_run=dry_run, so_far=so_far, in_time=in_time)
    if store == "database":
        with database.connect(
            _parameter(store), _port("DATABASE_PORT"), _flag("DATABASE_TLS"), _login(LOGINS[store])
        ) as connection:
            return database.erase(connection, subject, dry_run=dry_run)
    if store == "user-pool":
        pool_id = os.environ["USER_POOL_ID"]
        # It begins with its region, which need not be this one.
        cognito = boto3.client("cognito-idp", region_name=pool_id.partition("_")[0])
        return user_pool.erase(cognito, pool_id, subject, dry_run=dry_run)
    raise UnknownStoreError(
        f"{store!r} is no store; known are lake, cache, global-cache, database, user-pool"
    )


#: The parameter that holds a store's endpoint, as the global-db area publishes it.
PARAMETERS = {"cache": "cache-primary", "global-cache": "datastore-endpoint", "database": "database-endpoint"}

#: The variable that names the secret with a store's user; absent where a store has no users.
LOGINS = {"cache": "CACHE_LOGIN", "global-cache": "GLOBAL_CACHE_LOGIN", "database": "DATABASE_LOGIN"}


def _parameter(store: str) -> str:
    name = f"{os.environ['PARAMETERS']}/{PARAMETERS[store]}"
    return str(boto3.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def _login(variable: str) -> dict[str, str]:
    """``{"username", "password"}`` of the named secret; empty where the store has no users."""
    name = os.environ.get(variable)
    if not name:
        return {}
    value = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return dict(json.loads(value))


def _port(variable: str) -> int:
    return int(os.environ[variable])


def _flag(variable: str) -> bool:
    return os.environ[variable] == "true"
