"""What the ElastiCache API says should exist: nodes, where they listen, and whom they follow."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from ops.local.reconcilers.cache_users import OPEN, User, Users

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
    users: tuple[User, ...] = OPEN

    @property
    def key(self) -> str:
        """Unique among all regions."""
        return f"{self.region}/{self.name}"

    @property
    def where(self) -> Where:
        """Address and port of its own."""
        return self.listen[0], self.port


class Policies:
    """The maxmemory-policy of each group's parameter group, asked for again every `lasting` seconds."""

    def __init__(self, lasting: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasting = lasting
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    def of(self, api: Any, region: str, group: dict[str, Any]) -> str:
        """The policy of a described group, empty where its parameters set none."""
        key = (region, str(group["ReplicationGroupId"]))
        asked, policy = self._known.get(key, (float("-inf"), ""))
        if self._clock() - asked > self._lasting:
            policy = self._ask(api, group)
            self._known[key] = (self._clock(), policy)
        return policy

    @staticmethod
    def _ask(api: Any, group: dict[str, Any]) -> str:
        member = next(iter(group.get("MemberClusters") or []), None)
        if member is None:
            return ""
        try:
            clusters = api.describe_cache_clusters(CacheClusterId=member)["CacheClusters"]
            name = str((clusters[0].get("CacheParameterGroup") or {}).get("CacheParameterGroupName") or "")
            parameters = (
                api.describe_cache_parameters(CacheParameterGroupName=name)["Parameters"] if name else []
            )
        except ClientError:
            return ""
        values = {p["ParameterName"]: p.get("ParameterValue") for p in parameters}
        return str(values.get("maxmemory-policy") or "")


def read(clients: Clients, regions: Iterable[str], policies: Policies, users: Users) -> tuple[Node, ...]:
    """Every node of every replication group, each following its primary.

    In a global datastore the primary nodes of secondary groups follow the primary node of the primary group.
    """
    found: list[Node] = []
    for region in regions:
        api = clients("elasticache", region)
        for group in api.describe_replication_groups()["ReplicationGroups"]:
            policy, allowed = policies.of(api, region, group), users.of(api, region, group)
            for shard in group.get("NodeGroups", []):
                nodes = _shard(region, group["ReplicationGroupId"], shard)
                found.extend(replace(node, policy=policy, users=allowed) for node in nodes)
    leaders = _datastore_leaders(clients, regions, found)
    return tuple(
        replace(node, follows=leaders[(node.region, node.group)])
        if node.primary and (node.region, node.group) in leaders
        else node
        for node in found
    )


def _shard(region: str, group: str, shard: dict[str, Any]) -> list[Node]:
    # While a group is being made, its nodes may bear a name that no server can listen on.
    members = [m for m in shard.get("NodeGroupMembers", []) if _address(m).startswith("127.")]
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
            )
        )
    return nodes


def _address(member: dict[str, Any]) -> str:
    return str((member.get("ReadEndpoint") or {}).get("Address") or "")


def _datastore_leaders(
    clients: Clients, regions: Iterable[str], nodes: list[Node]
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
