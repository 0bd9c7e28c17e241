"""Rotates the master password of a database, wherever its writer is (Secrets Manager, single user).

Secrets Manager calls once for each step: ``{"SecretId", "ClientRequestToken", "Step"}``. Variables:
``DATABASE_ENDPOINT`` (the parameter of each data region with its member's cluster endpoint),
``DATABASE_PORT``, ``DATABASE_NAME``, ``DATABASE_TLS`` (true/false), ``CLUSTER`` (ECS) and ``SERVICES`` (what
holds the password).

The regions are those of the secret and its replicas. ``ALTER ROLE`` works on the writer alone; the members
are asked in order until one is not in recovery, so that a rotation after a switchover, or one in a region
that joined, needs no deployment. Tasks read the secret when they start: after the last step every service is
asked for a new deployment, in every region whose replica has the new version.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import boto3
import postgres

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

#: Seconds that a replica of the secret may take to follow.
REPLICATION_SECONDS = 120.0

#: Certificate authorities of RDS, which no public store holds (Aurora user guide, "Using SSL/TLS").
AUTHORITIES = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"


class RotationError(Exception):
    """A step that cannot be done; Secrets Manager tries the rotation again later."""


def handler(event: dict[str, Any], _context: Any) -> None:
    """One step of a rotation."""
    manager = boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = manager.describe_secret(SecretId=secret)["VersionIdsToStages"].get(token)
    if stages is None:
        raise RotationError(f"{secret} has no version {token}: start the rotation again")
    if "AWSCURRENT" in stages and step != "finishSecret":
        logger.info("version %s is current already", token)
        return
    steps: dict[str, Callable[[Any, str, str], None]] = {
        "createSecret": create,
        "setSecret": set_password,
        "testSecret": test,
        "finishSecret": finish,
    }
    if step not in steps:
        raise RotationError(f"unknown step {step!r}: one of {', '.join(steps)}")
    steps[step](manager, secret, token)
    logger.info("%s: done", step)


def create(manager: Any, secret: str, token: str) -> None:
    """Makes the new password once; a repeated step keeps the first one."""
    try:
        read(manager, secret, "AWSPENDING", token)
    except manager.exceptions.ResourceNotFoundException:
        current = read(manager, secret, "AWSCURRENT")
        password = manager.get_random_password(
            PasswordLength=len(current["password"]), ExcludePunctuation=True
        )["RandomPassword"]
        manager.put_secret_value(
            SecretId=secret,
            ClientRequestToken=token,
            SecretString=json.dumps({**current, "password": password}),
            VersionStages=["AWSPENDING"],
        )


def set_password(manager: Any, secret: str, token: str) -> None:
    """Gives the role the pending password, on the writer; nothing to do where it has it already."""
    pending = read(manager, secret, "AWSPENDING", token)
    hosts = members(regions(manager, secret))
    if _opens(hosts, pending):
        return
    # The version before the current one opens a database that a rotation left half done.
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        try:
            held = read(manager, secret, stage)
        except manager.exceptions.ResourceNotFoundException:
            continue
        if held["username"] != pending["username"]:
            raise RotationError(f"{stage} is of another user: a rotation changes the password alone")
        if _opens(hosts, held):
            with writer(hosts, held) as connection:
                verifier = postgres.scram_verifier(pending["password"])
                connection.query(
                    f"ALTER ROLE {postgres.identifier(pending['username'])}"
                    f" PASSWORD {postgres.literal(verifier)}"
                )
            return
    raise RotationError("neither the current nor the previous password opens the database: set it by hand")


def test(manager: Any, secret: str, token: str) -> None:
    """The pending password opens the writer."""
    hosts = members(regions(manager, secret))
    with writer(hosts, read(manager, secret, "AWSPENDING", token)) as connection:
        connection.query("SELECT 1")


def finish(manager: Any, secret: str, token: str) -> None:
    """Makes the pending version the current one, and the services read it; a repeated step does the rest."""
    described = manager.describe_secret(SecretId=secret)
    stages = described["VersionIdsToStages"]
    current = next(version for version, names in stages.items() if "AWSCURRENT" in names)
    if current != token:
        manager.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
    for region in regions(manager, secret):
        await_replica(region, described["Name"], token)
        renew_services(boto3.client("ecs", region_name=region))


def await_replica(region: str, name: str, token: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Returns when the region's copy of the secret is the new one; RotationError when it stays the old."""
    manager = boto3.client("secretsmanager", region_name=region)
    waited = 0.0
    while _current(manager, name) != token:
        if waited >= REPLICATION_SECONDS:
            raise RotationError(f"{name} in {region} is still the old one: its tasks were not renewed")
        sleep(2.0)
        waited += 2.0


def _current(manager: Any, name: str) -> str:
    return str(manager.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["VersionId"])


def renew_services(ecs: Any) -> None:
    """A new deployment of each service that this region has; its tasks are replaced while others serve."""
    for service in filter(None, os.environ["SERVICES"].split(",")):
        try:
            ecs.update_service(cluster=os.environ["CLUSTER"], service=service, forceNewDeployment=True)
        except (
            ecs.exceptions.ClusterNotFoundException,  # the region is about to join: its secret is there first
            ecs.exceptions.ServiceNotFoundException,
            ecs.exceptions.ServiceNotActiveException,
        ):
            logger.info("%s is not in %s", service, ecs.meta.region_name)


def read(manager: Any, secret: str, stage: str, token: str | None = None) -> dict[str, str]:
    """Fields of one version of the secret."""
    wanted = {"SecretId": secret, "VersionStage": stage} | ({"VersionId": token} if token else {})
    value: dict[str, str] = json.loads(manager.get_secret_value(**wanted)["SecretString"])
    return value


def regions(manager: Any, secret: str) -> list[str]:
    """Where the secret is: its own region, then those of its replicas."""
    replicas = manager.describe_secret(SecretId=secret).get("ReplicationStatus", [])
    return [manager.meta.region_name, *(replica["Region"] for replica in replicas)]


def members(places: list[str]) -> list[str]:
    """The endpoint of the database's member in each region that has one."""
    found = []
    for region in places:
        ssm = boto3.client("ssm", region_name=region)
        try:
            found.append(ssm.get_parameter(Name=os.environ["DATABASE_ENDPOINT"])["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            logger.info("%s holds no member of the database", region)
    return found


def connect(host: str, credentials: dict[str, str]) -> postgres.Connection:
    tls = ssl.create_default_context(cadata=authorities()) if os.environ["DATABASE_TLS"] == "true" else None
    return postgres.Connection(
        host,
        int(os.environ["DATABASE_PORT"]),
        user=credentials["username"],
        password=credentials["password"],
        database=os.environ["DATABASE_NAME"],
        tls=tls,
    )


@lru_cache(maxsize=1)
def authorities() -> str:
    """PEM of RDS' certificate authorities, fetched once a life of the function."""
    with urllib.request.urlopen(AUTHORITIES, timeout=10) as answer:
        pem: str = answer.read().decode()
    return pem


def writer(hosts: list[str], credentials: dict[str, str]) -> postgres.Connection:
    """A connection to the one of these members that takes writes.

    Raises:
        RotationError: no member does; it names each with what it answered, and never a password.
    """
    answers = []
    for host in hosts:
        try:
            connection = connect(host, credentials)
        except (OSError, postgres.DatabaseError) as error:
            answers.append(f"{host}: {error}")
            continue
        if connection.query("SELECT pg_is_in_recovery()") == [["f"]]:
            return connection
        connection.__exit__()
        answers.append(f"{host}: a reader")
    raise RotationError(f"no member is the writer: {'; '.join(answers)}")


def _opens(hosts: list[str], credentials: dict[str, str]) -> bool:
    try:
        with writer(hosts, credentials):
            return True
    except RotationError:
        return False
