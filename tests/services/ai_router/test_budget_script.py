"""The script of the books: it counts as the journal does, and never lets more be spent than there is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cache_servers import CachePair, CacheServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import own_address, until
from money_stores import nodes_of
from richesreach.ai_router.budgets.accounts import Accounts, Operation, Told
from richesreach.ai_router.budgets.journal import Journal
from richesreach.ai_router.budgets.model import Budget, Scope
from richesreach.ai_router.budgets.plan import Account, digest
from richesreach.ai_router.budgets.script import DONE, NOTHING, OPEN, REMEMBERED

NOW = 1_767_225_600_000
# The organisation, two teams of it, and a key of the first: which of them a request counts in.
LIMITS = {"org": 100, "team-1": 60, "team-2": 70, "key": 40}
PATHS = (("org", "team-1", "key"), ("org", "team-1"), ("org", "team-2"))

events = st.lists(
    st.one_of(
        st.tuples(st.just("R"), st.integers(0, 2), st.integers(0, 50), st.integers(1, 30)),
        # The share of what was set aside, in percent, and whose: the reservation's place among all made.
        st.tuples(st.just("S"), st.integers(0, 12), st.integers(0, 100), st.booleans()),
        st.tuples(st.just("T"), st.sampled_from([1, 10, 40, REMEMBERED])),
    ),
    max_size=40,
)


def accounts_of(path: tuple[str, ...], org: str) -> list[tuple[str, int]]:
    return [(f"ai:budget:{{{org}}}:{name}", LIMITS[name]) for name in path]


class Fold:
    """Events through the journal; `costs` is what settled reservations cost."""

    def __init__(self, org: str) -> None:
        self.org = org
        self.journal = Journal()
        self.now = NOW
        self.made: list[tuple[str, int, tuple[str, ...]]] = []
        self.costs: dict[str, int] = {}
        self.numbers = 0
        for name in LIMITS:
            self.journal.open(f"ai:budget:{{{org}}}:{name}")

    def step(self, event: tuple[object, ...]) -> tuple[Operation, Told] | None:
        """The operation that the event is, and what the journal says to it; None where only time passes."""
        match event:
            case ("R", int(place), int(amount), int(seconds)):
                accounts = accounts_of(PATHS[place], self.org)
                id_ = f"id-{self.numbers}"
                self.numbers += 1
                until = self.now + seconds * 1000
                told = self.journal.reserve(id_, amount, amount, until, accounts, self.now)
                keys = tuple(key for key, _ in accounts)
                if told.code == DONE:
                    self.made.append((id_, amount, keys))
                words = (id_, amount, amount, until)
                return Operation(self.org, "R", words, keys, tuple(limit for _, limit in accounts)), told
            case ("S", int(place), int(percent), bool(counted)) if self.made:
                id_, amount, keys = self.made[place % len(self.made)]
                # Who settles again says the same again.
                cost = self.costs.get(id_, amount * percent // 100)
                self.journal.sweep(self.now)
                # Once: a process knows which of its reservations it has settled (`Books.settle`).
                told = self.journal.settle(
                    id_, cost, keys, self.now, counted=counted and id_ in self.journal.held
                )
                if told.code == DONE:
                    self.costs[id_] = cost
                return Operation(
                    self.org, "S", (id_, cost, int(counted and told.code != NOTHING)), keys
                ), told
            case ("T", int(seconds)):
                self.now += seconds * 1000
        return None


@given(events)
def test_settled_and_reserved_never_exceed_a_limit(found: list[tuple[object, ...]]) -> None:
    fold = Fold("o")
    for event in found:
        fold.step(event)
        for name, limit in LIMITS.items():
            sums = fold.journal.accounts[f"ai:budget:{{o}}:{name}"]
            assert 0 <= sums.settled + sums.reserved <= limit
            assert sums.settled >= 0
            assert sums.reserved >= 0


@given(events)
def test_every_reservation_ends_once(found: list[tuple[object, ...]]) -> None:
    fold = Fold("o")
    for event in found:
        fold.step(event)
    fold.journal.sweep(fold.now + 31_000)
    assert all(held.spent for held in fold.journal.held.values())
    spent = {id_: fold.costs.get(id_, amount) for id_, amount, _ in fold.made}
    for name in LIMITS:
        key = f"ai:budget:{{o}}:{name}"
        assert fold.journal.accounts[key].reserved == 0
        of_account = [id_ for id_, _, keys in fold.made if key in keys]
        assert fold.journal.accounts[key].settled == sum(spent[id_] for id_ in of_account)


@pytest.fixture
def server(caches: CachePair) -> Iterator[CacheServer]:
    caches.primary.command("FLUSHALL")
    yield caches.primary
    caches.primary.command("FLUSHALL")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events)
def test_the_script_counts_as_the_journal_does(server: CacheServer, found: list[tuple[object, ...]]) -> None:
    org = f"o-{uuid4()}"

    async def both() -> None:
        nodes = nodes_of(server)
        accounts = Accounts(nodes)
        for name in LIMITS:
            await nodes.write_directly(
                lambda wire, name=name: wire.call("HSET", f"ai:budget:{{{org}}}:{name}", "s", 0, "r", 0)
            )
        fold = Fold(org)
        for event in found:
            step = fold.step(event)
            if step is not None:
                operation, told = step
                assert await accounts._ask([operation], fold.now) == [told]
        assert accounts.expired == fold.journal.expired
        await nodes.close()

    asyncio.run(both())


async def test_operations_of_one_moment_see_each_other(server: CacheServer) -> None:
    nodes = nodes_of(server)
    accounts = Accounts(nodes)
    key = "ai:budget:{o}:org"
    await nodes.write_directly(lambda wire: wire.call("HSET", key, "s", 0, "r", 0))
    take = [Operation("o", "R", (f"id-{n}", 40, 40, NOW + 1000), (key,), (100,)) for n in range(3)]
    end = Operation("o", "S", ("id-0", 10, 1), (key,))
    again = Operation("o", "R", ("id-3", 40, 40, NOW + 1000), (key,), (100,))
    told = await accounts._ask([*take, end, again], NOW)
    assert [answer.code for answer in told] == [1, 1, 0, 1, 1]
    assert told[-1].sums == ((10, 80),)
    await nodes.close()


async def test_an_account_that_the_server_does_not_know_is_named(server: CacheServer) -> None:
    nodes = nodes_of(server)
    keys = ("ai:budget:{o}:there", "ai:budget:{o}:missing")
    await nodes.write_directly(lambda wire: wire.call("HSET", keys[0], "s", 0, "r", 0))
    told = await Accounts(nodes)._ask([Operation("o", "R", ("id", 1, 1, NOW + 1), keys, (5, 5))], NOW)
    assert (told[0].code, told[0].about) == (-1, 2)
    assert await nodes.write_directly(lambda wire: wire.call("HGET", keys[0], "r")) == b"0"
    await nodes.close()


@pytest.fixture
def shards(tmp_path: Path) -> Iterator[CacheServer]:
    """A server in Cluster mode, which refuses a call whose keys are in more than one slot."""
    options = ("--cluster-enabled", "yes", "--cluster-config-file", str(tmp_path / "nodes.conf"))
    # Its bus is 10,000 ports above.
    server = CacheServer(own_address()[0], 6379, options=options)
    server.start()
    server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    until(lambda: "cluster_state:ok" in server.command("CLUSTER", "INFO"), "the cluster has all slots")
    yield server
    server.stop()


async def test_an_organisation_is_in_one_slot_of_a_cluster_and_two_may_be_asked_at_once(
    shards: CacheServer,
) -> None:
    nodes = nodes_of(shards)
    accounts = Accounts(nodes)
    of_orgs = {}
    for org in ("one", "other"):
        of_orgs[org] = [
            Account.of(Budget(scope, 100), NOW / 1000) for scope in (Scope(org), Scope(org, "team"))
        ]
        keys = [account.key for account in of_orgs[org]]
        await nodes.write_directly(lambda wire, keys=keys: OPEN.run(wire, keys, (0, 0, 0, 0)))
    operations = []
    for org, found in of_orgs.items():
        words, keys = ("id", 30, 30, NOW + 1000), tuple(account.key for account in found)
        operations.append(Operation(digest(org), "R", words, keys, (100, 100)))
        operations.append(Operation(digest(org), "S", ("id", 20, 1), keys))
    told = await accounts._ask(operations, NOW)
    assert [answer.sums for answer in told] == [((0, 30),) * 2, ((20, 0),) * 2] * 2
    assert [answer.code for answer in await accounts._ask(operations[::2], NOW + 2000)] == [1, 1]
    await nodes.close()
