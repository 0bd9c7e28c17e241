"""What the ElastiCache API says should exist: nodes, where they listen, and whom they follow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

Clients = Callable[[str, str], Any]
Where = tuple[str, int]


@dataclass(frozen=True)
class Node:
    """One cache node; its own address is the first that it listens on. It writes when it `follows` nobody."""

    region: str
    group: str
    name: str
    port: int
    listen: tuple[str, ...]
    primary: bool
    follows: Where | None = None
    policy: str = ""

    @property
    def key(self) -> str:
        """Unique among all regions."""
        return f"{self.region}/{self.name}"

    @property
    def where(self) -> Where:
        """Address and port of its own."""
        return self.listen[0], self.port


def read(clients: Clients, regions: tuple[str, ...]) -> tuple[Node, ...]:
    """Every node of every replication group, each following its primary.

    In a global datastore the primary nodes of secondary groups follow the primary node of the primary group.
    """
    found: list[Node] = []
    for region in regions:
        api = clients("elasticache", region)
        policies: dict[str, str] = {}
        for group in api.describe_replication_groups()["ReplicationGroups"]:
            policy = _policy(api, group, policies)
            for shard in group.get("NodeGroups", []):
                found.extend(_shard(region, group["ReplicationGroupId"], shard, policy))
    leaders = _datastore_leaders(clients, regions, found)
    return tuple(
        replace(node, follows=leaders[(node.region, node.group)])
        if node.primary and (node.region, node.group) in leaders
        else node
        for node in found
    )


def _shard(region: str, group: str, shard: dict[str, Any], policy: str) -> list[Node]:
    members = [m for m in shard.get("NodeGroupMembers", []) if (m.get("ReadEndpoint") or {}).get("Address")]
    members.sort(key=lambda m: (m.get("CurrentRole") != "primary", m["CacheClusterId"]))
    nodes: list[Node] = []
    for position, member in enumerate(members):
        listen = [str(member["ReadEndpoint"]["Address"])]
        if position == 0:
            listen.append(str((shard.get("PrimaryEndpoint") or {}).get("Address") or ""))
        if position == min(1, len(members) - 1):
            listen.append(str((shard.get("ReaderEndpoint") or {}).get("Address") or ""))
        nodes.append(
            Node(
                region=region,
                group=group,
                name=str(member["CacheClusterId"]),
                port=int(member["ReadEndpoint"].get("Port") or 6379),
                listen=tuple(dict.fromkeys(address for address in listen if address)),
                primary=position == 0,
                follows=None if position == 0 else nodes[0].where,
                policy=policy,
            )
        )
    return nodes


def _policy(api: Any, group: dict[str, Any], known: dict[str, str]) -> str:
    """The maxmemory-policy of the group's parameter group, empty where none is set."""
    member = next(iter(group.get("MemberClusters") or []), None)
    if member is None:
        return ""
    try:
        clusters = api.describe_cache_clusters(CacheClusterId=member)["CacheClusters"]
        name = str((clusters[0].get("CacheParameterGroup") or {}).get("CacheParameterGroupName") or "")
        if name and name not in known:
            parameters = api.describe_cache_parameters(CacheParameterGroupName=name)["Parameters"]
            values = {p["ParameterName"]: p.get("ParameterValue") for p in parameters}
            known[name] = str(values.get("maxmemory-policy") or "")
    except ClientError:
        return ""
    return known.get(name, "")


def _datastore_leaders(
    clients: Clients, regions: tuple[str, ...], nodes: list[Node]
) -> dict[tuple[str, str], Where]:
    """For each secondary group of a global datastore, the primary node of its primary group."""
    primaries = {(node.region, node.group): node.where for node in nodes if node.primary}
    leaders: dict[tuple[str, str], Where] = {}
    for region in regions:
        try:
            answer = clients("elasticache", region).describe_global_replication_groups(ShowMemberInfo=True)
        except ClientError:
            # A local AWS without the datastore's API has no datastores either.
            continue
        for datastore in answer["GlobalReplicationGroups"]:
            roles = {
                (m["ReplicationGroupRegion"], m["ReplicationGroupId"]): str(m.get("Role", "")).upper()
                for m in datastore.get("Members", [])
            }
            leader = next((primaries.get(key) for key, role in roles.items() if role == "PRIMARY"), None)
            if leader is not None:
                leaders.update({key: leader for key, role in roles.items() if role != "PRIMARY"})
    return leaders
