"""What the RDS API says should exist: global databases, their clusters and instances, and who writes."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Clients = Callable[[str, str], Any]


@dataclass(frozen=True)
class Instance:
    """One DB instance: the addresses its server listens on, its own first."""

    region: str
    cluster: str
    name: str
    port: int
    listen: tuple[str, ...]

    @property
    def key(self) -> str:
        """Unique among all regions."""
        return f"{self.region}/{self.name}"


@dataclass(frozen=True)
class Database:
    """A global cluster, or a cluster on its own: one writer, every other instance a replica of it.

    `writer` is None while the writing cluster has no instance. `clusters` are (region, identifier) pairs;
    one of them is the home whose secret holds the credentials. `lossy` is a failover that may lose data.
    """

    name: str
    clusters: tuple[tuple[str, str], ...]
    instances: tuple[Instance, ...]
    writer: Instance | None
    master_user: str
    database: str
    lossy: bool = False


@dataclass(frozen=True)
class Credentials:
    """The master user of a database."""

    user: str
    password: str


def read(clients: Clients, regions: Iterable[str]) -> tuple[Database, ...]:
    """Every PostgreSQL database of the given regions."""
    clusters: dict[str, tuple[str, dict[str, Any]]] = {}
    instances: dict[tuple[str, str], dict[str, Any]] = {}
    globals_: dict[str, dict[str, Any]] = {}
    for region in regions:
        rds = clients("rds", region)
        for cluster in rds.describe_db_clusters()["DBClusters"]:
            if "postgres" in cluster.get("Engine", ""):
                clusters[cluster["DBClusterArn"]] = (region, cluster)
        for found in rds.describe_db_instances()["DBInstances"]:
            instances[(region, found["DBInstanceIdentifier"])] = found
        for entry in rds.describe_global_clusters()["GlobalClusters"]:
            globals_[entry["GlobalClusterIdentifier"]] = entry
    databases = []
    for name, entry in sorted(globals_.items()):
        members = [m for m in entry.get("GlobalClusterMembers", []) if m["DBClusterArn"] in clusters]
        parts = [clusters.pop(member["DBClusterArn"]) for member in members]
        writing = next((p for p, m in zip(parts, members, strict=True) if m.get("IsWriter")), None)
        if parts and writing:
            databases.append(_database(name, parts, writing, instances, entry))
    databases.extend(
        _database(cluster["DBClusterIdentifier"], [(region, cluster)], (region, cluster), instances, {})
        for region, cluster in clusters.values()
    )
    return tuple(databases)


def _database(
    name: str,
    parts: list[tuple[str, dict[str, Any]]],
    writing: tuple[str, dict[str, Any]],
    instances: dict[tuple[str, str], dict[str, Any]],
    entry: dict[str, Any],
) -> Database:
    listed: list[Instance] = []
    writer = None
    for region, cluster in parts:
        members = list(_members(region, cluster, instances))
        listed.extend(members)
        if (region, cluster) == writing and members:
            writer = members[0]
    named = [str(c["DatabaseName"]) for _, c in parts if c.get("DatabaseName")]
    users = [str(c["MasterUsername"]) for _, c in parts if c.get("MasterUsername")]
    return Database(
        name=name,
        clusters=tuple((region, str(cluster["DBClusterIdentifier"])) for region, cluster in parts),
        instances=tuple(listed),
        writer=writer,
        master_user=users[0] if users else "",
        database=str(entry.get("DatabaseName") or (named[0] if named else "")),
        lossy=bool((entry.get("FailoverState") or {}).get("IsDataLossAllowed")),
    )


def _members(
    region: str, cluster: dict[str, Any], instances: dict[tuple[str, str], dict[str, Any]]
) -> Iterator[Instance]:
    """Instances of one cluster, the one that leads it first.

    The leader also answers on the cluster endpoint; the first other one, or the leader when alone, on the
    reader endpoint.
    """
    members = sorted(
        cluster.get("DBClusterMembers", []),
        key=lambda m: (not m.get("IsClusterWriter"), m["DBInstanceIdentifier"]),
    )
    found = [instances.get((region, m["DBInstanceIdentifier"])) for m in members]
    present = [i for i in found if i and (i.get("Endpoint") or {}).get("Address")]
    for position, instance in enumerate(present):
        listen = [str(instance["Endpoint"]["Address"])]
        if position == 0:
            listen.append(str(cluster.get("Endpoint") or ""))
        if position == min(1, len(present) - 1):
            listen.append(str(cluster.get("ReaderEndpoint") or ""))
        yield Instance(
            region=region,
            cluster=str(cluster["DBClusterIdentifier"]),
            name=str(instance["DBInstanceIdentifier"]),
            port=int(instance["Endpoint"].get("Port") or cluster.get("Port") or 5432),
            listen=tuple(dict.fromkeys(address for address in listen if address)),
        )


def credentials(clients: Clients, database: Database) -> Credentials | None:
    """The master credentials from the secret that is attached to one of the clusters.

    Attaching a secret to a cluster puts `dbClusterIdentifier` into its JSON; until a secret says so there are
    no credentials, and None is returned.
    """
    names = {cluster for _, cluster in database.clusters}
    for region in dict.fromkeys(region for region, _ in database.clusters):
        manager = clients("secretsmanager", region)
        for page in manager.get_paginator("list_secrets").paginate():
            for secret in page["SecretList"]:
                value = _json(manager, secret["ARN"])
                if value.get("dbClusterIdentifier") in names and value.get("password"):
                    user = str(value.get("username") or database.master_user)
                    return Credentials(user, str(value["password"]))
    return None


def _json(manager: Any, secret: str) -> dict[str, Any]:
    try:
        value = json.loads(manager.get_secret_value(SecretId=secret).get("SecretString") or "")
    except (manager.exceptions.ResourceNotFoundException, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
