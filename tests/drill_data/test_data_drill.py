"""The cache's primary is killed under load, then the database's writer; what users notice is printed.

Two tasks of the gateway, a Postgres writer whose commits its reader has acknowledged (as Aurora's storage
has), and a cache's primary with its replica. Nothing heals itself: as on AWS, somebody notices, after
`NOTICED` seconds here, and promotes.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cache_servers
import postgres_servers
import pytest
from cache_servers import CachePair
from gateway_task import ServiceProcess, task_environment
from load import Load, Outcome, longest_gap, median_ms, statuses
from loopback import accepts, own_address, until
from postgres_servers import PostgresCluster

# Seconds between a server's death and its replica's promotion. AWS takes longer: docs/testing.md.
NOTICED = 3.0
# Of undisturbed load, before, between and after.
PHASE = 8.0
KINDS = ("write", "read", "cached")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[PostgresCluster]:
    template = postgres_servers.make_template(tmp_path / "template")
    server = postgres_servers.copy_of(template, tmp_path / "migrated")
    server.start()
    local = {**task_environment(PostgresCluster(server, server), None), "ENVIRONMENT": "local"}
    migration = ServiceProcess("richesreach.gateway.migrate", local)
    assert migration.wait() == 0, migration.output()
    server.stop()
    with postgres_servers.postgres_cluster(server.data, tmp_path / "cluster") as found:
        found.writer.sql("alter system set synchronous_standby_names = '*'")
        found.writer.sql("select pg_reload_conf()")
        until(
            lambda: found.writer.sql("select sync_state from pg_stat_replication") == "sync",
            "the reader acknowledges commits",
        )
        yield found


@pytest.fixture
def caches() -> Iterator[CachePair]:
    with cache_servers.cache_pair() as pair:
        yield pair


@pytest.fixture
def tasks(cluster: PostgresCluster, caches: CachePair) -> Iterator[list[str]]:
    common = {
        **task_environment(cluster, caches),
        "LOG_LEVEL": "WARNING",
        "RATE_LIMIT_TIERS": "anonymous=1000000/1,key=1000000/1",
    }
    with ExitStack() as ends:
        addresses = [own_address(), own_address()]
        for host, port in addresses:
            process = ServiceProcess(
                "richesreach.gateway", {**common, "BIND_ADDRESS": host, "PORT": str(port)}
            )
            ends.callback(process.kill)
        for host, port in addresses:
            until(lambda host=host, port=port: accepts(host, port), "a task serves")  # type: ignore[misc]
        yield [f"http://{host}:{port}" for host, port in addresses]


class Story:
    """What happened when, and what became of the requests meanwhile."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.chapters: list[tuple[str, float]] = []

    def begin(self, name: str) -> None:
        self.chapters.append((name, time.monotonic()))

    def of(self, name: str) -> list[Outcome]:
        """The requests that began in this chapter."""
        start, end = self._times(name)
        return [found for found in self.load.outcomes if start <= found.began < end]

    def whole(self, name: str) -> list[Outcome]:
        """Those of them that ended in it, too: what happened after it does not speak against it."""
        _, end = self._times(name)
        return [found for found in self.of(name) if found.ended < end]

    def _times(self, name: str) -> tuple[float, float]:
        starts = [*(at for _, at in self.chapters), float("inf")]
        number = [found for found, _ in self.chapters].index(name)
        return starts[number], starts[number + 1]

    def tell(self) -> None:
        for name, _ in self.chapters:
            found = self.of(name)
            print(f"\n{name}: {len(found)} requests")  # noqa: T201
            for kind in KINDS:
                times = f"median {median_ms(found, kind):.0f} ms, p99 {median_ms(found, kind, 0.99):.0f} ms"
                print(f"  {kind:7} {statuses(found, kind)}  {times}")  # noqa: T201
            notes = sorted({f"{one.kind} {one.status}: {one.note[:150]}" for one in found if one.note})
            for note in notes[:8]:
                print(f"    {note}")  # noqa: T201
        gaps = ", ".join(f"{kind} {longest_gap(self.load.outcomes, kind):.1f} s" for kind in KINDS)
        print(f"\nlongest time without a good answer: {gaps}; of it {NOTICED:g} s until promotion")  # noqa: T201


def failed(found: Outcome) -> bool:
    """No good answer, or one with an error in it; a beacon may still be on its way to the reader."""
    return not found.good or (bool(found.note) and found.status != 404)


async def recovered(load: Load, kind: str) -> None:
    """Wait until the last twenty of a kind went well."""
    async with asyncio.timeout(60):
        since = len(load.outcomes)
        while True:
            await asyncio.sleep(0.05)
            last = [found for found in load.outcomes[since:] if found.kind == kind][-20:]
            if len(last) == 20 and all(found.good and not found.note for found in last):
                return


async def scenario(load: Load, story: Story, cluster: PostgresCluster, caches: CachePair) -> None:
    story.begin("undisturbed")
    await asyncio.sleep(PHASE)
    story.begin("the cache's primary is dead")
    caches.primary.stop()
    await asyncio.sleep(NOTICED)
    story.begin("its replica is promoted")
    caches.replica.promote()
    await asyncio.sleep(PHASE)
    story.begin("the database's writer is dead")
    assert cluster.writer.process is not None
    cluster.writer.process.kill()
    await asyncio.sleep(NOTICED)
    story.begin("its reader is promoted")
    await asyncio.to_thread(cluster.reader.promote)
    await recovered(load, "write")
    story.begin("recovered")
    await asyncio.sleep(PHASE)
    load.end()


async def test_no_acknowledged_write_is_lost_and_no_failure_is_unhandled(
    tasks: list[str], cluster: PostgresCluster, caches: CachePair
) -> None:
    load = Load(tasks)
    story = Story(load)
    running = asyncio.create_task(load.run())
    await scenario(load, story, cluster, caches)
    await running
    story.tell()
    kept = set(cluster.reader.sql("select id from topology_beacons").split())
    lost = [found for found in load.acknowledged if found not in kept]
    print(f"\nacknowledged writes: {len(load.acknowledged)}, lost: {len(lost)}")  # noqa: T201

    assert lost == []
    assert [found for found in load.outcomes if not found.good and not found.handled] == []
    for chapter in ("undisturbed", "the cache's primary is dead", "its replica is promoted", "recovered"):
        assert [found for found in story.whole(chapter) if failed(found)] == []
    # A reader has what its users knew: that nobody can write takes no reads away.
    in_trouble = story.of("the database's writer is dead") + story.of("its reader is promoted")
    assert [found for found in in_trouble if found.kind != "write" and failed(found)] == []
    assert [found for found in in_trouble if found.kind == "write" and failed(found)] != []
