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
from ops.local.reconcilers.redis_protocol import Login, RedisError, Reply, command
from ops.local.state import CacheState
from tests.ops.local.conftest import REGIONS, deploy, eventually

HOME, EUROPE, _ = REGIONS
NODES = 8


APP, ADMIN = "password-of-app-1", "password-of-admin"


def users(store: str) -> dict[str, Any]:
    """A user group as the platform's templates have it."""
    access = {
        "default": ("off ~* -@all", "password-of-nobody"),
        "app": ("on ~* &* -@all +@read +@write +@connection -@dangerous +info", APP),
        "admin": ("on ~* &* +@all", ADMIN),
    }
    resources: dict[str, Any] = {
        f"{store}{name}": {
            "Type": "AWS::ElastiCache::User",
            "Properties": {
                "Engine": "valkey",
                "UserId": f"{store}-{name}",
                "UserName": name,
                "AccessString": rules,
                "AuthenticationMode": {"Type": "password", "Passwords": [password]},
            },
        }
        for name, (rules, password) in access.items()
    }
    ids = [{"Ref": logical_id} for logical_id in resources]
    return resources | {
        f"{store}users": {
            "Type": "AWS::ElastiCache::UserGroup",
            "Properties": {"Engine": "valkey", "UserGroupId": f"{store}-users", "UserIds": ids},
        }
    }


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

    def ask(self, region: str, name: str, kind: str, *words: str, login: Login | None = None) -> Reply:
        """The reply of an endpoint, or the error that it answers."""
        try:
            return command(self.endpoint(region, name, kind), 6379, *words, login=login)
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
            "Guarded": group("guarded", Engine="valkey", UserGroupIds=[{"Ref": "guardedusers"}]),
            **users("guarded"),
        },
    )
    found = aws.client("elasticache", HOME).describe_global_replication_groups()["GlobalReplicationGroups"]
    identifier = found[0]["GlobalReplicationGroupId"]
    deploy(EUROPE, "cache", {"Shared": group("shared-europe", GlobalReplicationGroupId=identifier)})
    running = Platform(Cache(aws.client, REGIONS, folder / "data", folder / "logs"))
    try:
        eventually(lambda: running.running() == NODES)
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


@pytest.mark.parametrize("kind", ["PrimaryEndpoint", "ReaderEndpoint"])
def test_guarded_cache_refuses_whom_its_user_group_does_not_know(platform: Platform, kind: str) -> None:
    for login in (None, Login("app", "not-the-password"), Login("stranger", APP)):
        answer = str(platform.ask(HOME, "guarded", kind, "GET", "tick", login=login))
        assert answer.startswith(("error: NOAUTH", "error: WRONGPASS")), answer


def test_guarded_cache_serves_its_users_on_every_node(platform: Platform) -> None:
    app = Login("app", APP)
    assert platform.ask(HOME, "guarded", "PrimaryEndpoint", "SET", "tick", "1", login=app) == "OK"
    eventually(lambda: platform.ask(HOME, "guarded", "ReaderEndpoint", "GET", "tick", login=app) == "1")


@pytest.mark.parametrize("words", [("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("ACL", "LIST")])
def test_services_user_may_not_do_what_an_administrator_may(platform: Platform, words: list[str]) -> None:
    refused = platform.ask(HOME, "guarded", "PrimaryEndpoint", *words, login=Login("app", APP))
    assert "NOPERM" in str(refused)
    allowed = platform.ask(HOME, "guarded", "PrimaryEndpoint", *words, login=Login("admin", ADMIN))
    assert not str(allowed).startswith("error")


def test_new_password_is_taken_beside_the_old_one_and_then_alone(platform: Platform) -> None:
    api, new = aws.client("elasticache", HOME), "password-of-app-2"

    def taken(password: str) -> bool:
        answer = platform.ask(HOME, "guarded", "ReaderEndpoint", "PING", login=Login("app", password))
        return answer == "PONG"

    api.modify_user(UserId="guarded-app", AuthenticationMode={"Type": "password", "Passwords": [APP, new]})
    eventually(lambda: taken(new))
    assert taken(APP)
    api.modify_user(UserId="guarded-app", AuthenticationMode={"Type": "password", "Passwords": [new]})
    eventually(lambda: not taken(APP))
    assert taken(new)


def test_killed_node_comes_back(platform: Platform) -> None:
    node = next(n for n in platform.nodes if n.replication_group == "own-home" and n.role == "reader")
    child = platform.cache.servers[f"{HOME}/{node.instance}"].keeper.child
    assert child is not None
    assert send_signal(child.pid, start_time(child.pid) or 0, signal.SIGKILL)
    eventually(lambda: platform.cache.servers[f"{HOME}/{node.instance}"].keeper.restarts == 1)
    eventually(lambda: platform.running() == NODES)


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
    assert platform.running() == NODES


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
