"""Replicas that spend of one budget, some of them killed, and what the books say afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cache_servers import CacheServer
from gateway_task import ServiceProcess, task_environment
from loopback import until
from money_stores import till
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.model import Scope
from richesreach.ai_router.budgets.plan import digest
from richesreach.ai_router.model import Caller


@dataclass
class Replica:
    """One process and what it wrote: amounts set aside, bills, and which of them it settled."""

    process: ServiceProcess
    far: bool
    killed: bool = False
    reserved: dict[str, int] = field(default_factory=dict)
    billed: dict[str, int] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    words: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0

    def read(self) -> None:
        text = self.process.output()
        for line in text[: text.rfind("\n") + 1].splitlines():
            word, *rest = line.split()
            self.words[word] += 1
            match word, rest:
                case "reserved", [id_, amount]:
                    self.reserved[id_] = int(amount)
                case "billed", [id_, cost]:
                    self.billed[id_] = int(cost)
                case "settled", [id_]:
                    self.settled.add(id_)
                case "cpu", [seconds, _]:
                    self.cpu_seconds = float(seconds)


@dataclass
class Race:
    """What the replicas did, and where the account stands in the end, when nothing is set aside any more."""

    limit: int
    replicas: Sequence[Replica]
    settled: int
    reserved: int
    # What ran out, by id, and what it counts with.
    expired: dict[str, int]

    @property
    def billed(self) -> int:
        return sum(sum(replica.billed.values()) for replica in self.replicas)


@dataclass
class Course:
    """`near` and `far` replicas with so many clients each; so many of each kind are killed, each after so
    many seconds, and one more starts for it.
    """

    limit: int
    clients: int
    near: int
    far: int = 0
    killed: int = 1
    seconds: float = 0.3


async def run(cluster: PostgresCluster, server: CacheServer, org: str, course: Course) -> Race:
    async with till(cluster, server) as books:
        await books.limit(Scope(org), course.limit)
        environment = task_environment(cluster, None) | {
            "SPEND_CACHE": server.endpoint,
            "SPEND_ORG": org,
            "SPEND_CLIENTS": str(course.clients),
        }
        replicas = [
            _start(environment, seed, seed >= course.near) for seed in range(course.near + course.far)
        ]
        try:
            await asyncio.to_thread(_spend, environment, replicas, course)
        finally:
            for replica in replicas:
                replica.process.ask_to_stop()  # one that was killed hears nothing
        for replica in replicas:
            if not replica.killed:
                assert replica.process.wait() == 0, replica.process.output()[-2000:]
            replica.read()
        caller = Caller(org, "research", "key-1")
        deadline = time.monotonic() + 240
        while (sums := await books.sums(caller))[0][1]:
            assert time.monotonic() < deadline, f"{sums} is still set aside"
            await asyncio.sleep(0.2)
        held = await books.nodes.write_directly(
            lambda wire: wire.call("HGETALL", f"ai:budget:{{{digest(org)}}}:held")
        )
    expired = {}
    for id_, raw in zip(held[::2], held[1::2], strict=True):
        state, amount, _ = raw.decode().split(" ", 2)
        assert state == "e", raw
        expired[id_.decode()] = int(amount)
    return Race(course.limit, replicas, *sums[0], expired)


def _spend(environment: dict[str, str], replicas: list[Replica], course: Course) -> None:
    """Until the budget is used up, and every kill was done while there was something to spend."""
    for replica in replicas:
        until(lambda replica=replica: "settled" in replica.process.output(), "a replica spends", 60)
    for _ in range(course.killed):
        for far in (False, True)[: 1 + bool(course.far)]:
            time.sleep(course.seconds)
            victim = next(found for found in replicas if found.far is far and not found.killed)
            assert "refused" not in victim.process.output()[-2000:], "raise the limit: it is used up already"
            victim.killed = True
            victim.process.kill()
            replicas.append(_start(environment, 100 + len(replicas), far))
    for replica in replicas:
        until(lambda replica=replica: "ed" in replica.process.output()[-40:], "each replica asks", 60)
    until(
        lambda: any("refused" in found.process.output() for found in replicas), "the budget is used up", 200
    )


def _start(environment: dict[str, str], seed: int, far: bool) -> Replica:
    own = {"SPEND_SEED": str(seed), "SPEND_FAR": "yes" if far else "no"}
    return Replica(ServiceProcess("spender", environment | own, Path(__file__).parent), far)
