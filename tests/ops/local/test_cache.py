"""A regional group and a global datastore on real servers, driven only through the API of the local AWS."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local import aws
from ops.local.process import send_signal, start_time
from ops.local.reconcilers.cache import Cache
from ops.local.reconcilers.redis_protocol import RedisError, Reply, command
from ops.local.state import CacheState
from tests.ops.local.conftest import REGIONS, deploy, eventually

HOME, EUROPE, _ = REGIONS


def group(name: str, **more: Any) -> dict[str, Any]:
    """A replication group of a primary and a replica."""
    properties = {
        "ReplicationGroupId": name,
        "ReplicationGroupDescription": "test",
        "NumCacheClusters": 2,
        **more,
    }
    return {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": properties}


class Platform:
    """The reconciler in a loop of its own, and a client of the caches."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.nodes: tuple[CacheState, ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(0.2):
            self.nodes = self.cache.reconcile().caches

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.cache.stop()

    def running(self) -> int:
        return sum(node.status == "running" for node in self.nodes)

    def endpoint(self, region: str, name: str, kind: str) -> str:
        answer = aws.client("elasticache", region).describe_replication_groups(ReplicationGroupId=name)
        return str(answer["ReplicationGroups"][0]["NodeGroups"][0][kind]["Address"])

    def ask(self, region: str, name: str, kind: str, *words: str) -> Reply:
        """The reply of an endpoint, or the error that it answers."""
        try:
            return command(self.endpoint(region, name, kind), 6379, *words)
        except RedisError as error:
            return f"error: {error}"


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("cache")
    members = [
        {"ReplicationGroupId": {"Ref": "Shared"}, "ReplicationGroupRegion": HOME, "Role": "PRIMARY"},
    ]
    datastore = {"GlobalReplicationGroupIdSuffix": "test", "Members": members}
    deploy(
        HOME,
        "cache",
        {
            "Own": group("own-home", Engine="valkey", CacheNodeType="cache.r7g.large"),
            "Shared": group("shared-home", Engine="valkey", CacheNodeType="cache.r7g.large"),
            "Datastore": {"Type": "AWS::ElastiCache::GlobalReplicationGroup", "Properties": datastore},
        },
    )
    found = aws.client("elasticache", HOME).describe_global_replication_groups()["GlobalReplicationGroups"]
    identifier = found[0]["GlobalReplicationGroupId"]
    deploy(EUROPE, "cache", {"Shared": group("shared-europe", GlobalReplicationGroupId=identifier)})
    running = Platform(Cache(aws.client, REGIONS, folder / "data", folder / "logs"))
    try:
        eventually(lambda: running.running() == 6)
        yield running
    finally:
        running.close()


def test_value_written_at_the_primary_endpoint_is_read_at_the_reader_endpoint(platform: Platform) -> None:
    assert platform.ask(HOME, "own-home", "PrimaryEndpoint", "SET", "tick", "1") == "OK"
    eventually(lambda: platform.ask(HOME, "own-home", "ReaderEndpoint", "GET", "tick") == "1")


def test_reader_endpoint_refuses_a_write(platform: Platform) -> None:
    assert "READONLY" in str(platform.ask(HOME, "own-home", "ReaderEndpoint", "SET", "tick", "2"))


def test_secondary_of_the_datastore_reads_what_the_home_region_writes(platform: Platform) -> None:
    platform.ask(HOME, "shared-home", "PrimaryEndpoint", "SET", "flag", "on")
    eventually(lambda: platform.ask(EUROPE, "shared-europe", "ReaderEndpoint", "GET", "flag") == "on")


def test_secondary_of_the_datastore_refuses_a_write(platform: Platform) -> None:
    assert "READONLY" in str(platform.ask(EUROPE, "shared-europe", "PrimaryEndpoint", "SET", "flag", "off"))


def test_killed_node_comes_back(platform: Platform) -> None:
    node = next(n for n in platform.nodes if n.replication_group == "own-home" and n.role == "reader")
    child = platform.cache.servers[f"{HOME}/{node.instance}"].keeper.child
    assert child is not None
    assert send_signal(child.pid, start_time(child.pid) or 0, signal.SIGKILL)
    eventually(lambda: platform.cache.servers[f"{HOME}/{node.instance}"].keeper.restarts == 1)
    eventually(lambda: platform.running() == 6)


def test_server_of_somebody_else_on_the_same_address_is_not_commanded(
    platform: Platform, tmp_path: Path
) -> None:
    node = next(n for n in platform.nodes if n.replication_group == "own-home" and n.role == "reader")
    other = Cache(aws.client, REGIONS, tmp_path / "data", tmp_path / "logs")
    try:
        refused = next(c for c in other.reconcile().caches if c.instance == node.instance)
    finally:
        other.stop()
    assert "answered by another server" in refused.reason
    assert platform.running() == 6


def test_failover_of_the_datastore_promotes_the_secondary(platform: Platform) -> None:
    api = aws.client("elasticache", HOME)
    datastore = api.describe_global_replication_groups()["GlobalReplicationGroups"][0]
    api.failover_global_replication_group(
        GlobalReplicationGroupId=datastore["GlobalReplicationGroupId"],
        PrimaryRegion=EUROPE,
        PrimaryReplicationGroupId="shared-europe",
    )
    eventually(
        lambda: platform.ask(EUROPE, "shared-europe", "PrimaryEndpoint", "SET", "flag", "moved") == "OK"
    )
    eventually(lambda: platform.ask(HOME, "shared-home", "ReaderEndpoint", "GET", "flag") == "moved")
    assert "READONLY" in str(platform.ask(HOME, "shared-home", "PrimaryEndpoint", "SET", "flag", "lost"))
