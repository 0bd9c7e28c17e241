"""What each stage between a source and its readers has taken: told by all of them, read in one place.

A stage tells about once a second, by source and partition, in one hash of the region's own cache. Whoever
takes a partition over writes over what the member before it told, so that nothing is counted twice; and who
counts from a snapshot goes on from there. What a stage is to keep to tell it is a Ledger, or as much.

What is on the way between two stages, or was lost at the end of a symbol where no later number shows it, is
the difference of what both have `reached`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire
from richesreach.core.ending import end
from richesreach.core.events.ledger import Ledger
from richesreach.core.logs import logger

Stage = Literal["source", "published", "operator", "features", "lake"]
# In the order in which ticks come by.
STAGES: tuple[Stage, ...] = ("source", "published", "operator", "features", "lake")
# From which stages each one has its ticks, the nearest first.
_FROM: dict[Stage, tuple[Stage, ...]] = {
    "source": (),
    "published": ("source",),
    "operator": ("published", "source"),
    "features": ("operator", "published", "source"),
    "lake": ("published", "source"),
}
# Of a stage that counts a source as a whole.
ALL = -1
# Seconds: between two accounts, until who told none is silent, and for how long the last one is kept.
EVERY, SILENT, KEPT = 1.0, 10.0, 3600
# Symbols that are named in an account, of those with numbers missing.
MOST_NAMED = 20
_SECOND = 1_000_000_000


class StageAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What `member` of a stage knows of one source, in one partition or in ALL.

    All but times are ticks. `received` counts each number once, whatever then became of it: `late` and
    `refused` of them were of no use, because their window was closed or for another reason. `missing` are
    numbers below the highest that never came, of which `lost` names the symbols with the most. `reached` is
    the sum of the highest number of each of the `symbols`. `newest` (the highest event time) and `at` (when
    this was told) are Unix nanoseconds.
    """

    stage: Stage
    member: str
    source: str
    partition: int = ALL
    received: int = 0
    missing: int = 0
    duplicates: int = 0
    late: int = 0
    refused: int = 0
    reached: int = 0
    symbols: int = 0
    newest: int = 0
    at: int = 0
    lost: dict[str, int] = {}


def account_of(
    ledger: Ledger,
    *,
    stage: Stage,
    member: str,
    source: str,
    partition: int = ALL,
    late: int = 0,
    refused: int = 0,
    newest: int = 0,
) -> StageAccount:
    """What a ledger holds of one source; `late` and `refused` are what the stage did with it."""
    accounts = {symbol: account for (of, symbol), account in ledger.accounts.items() if of == source}
    missing = {symbol: account.missing for symbol, account in accounts.items() if account.missing}
    return StageAccount(
        stage=stage,
        member=member,
        source=source,
        partition=partition,
        received=sum(account.received for account in accounts.values()),
        missing=sum(missing.values()),
        duplicates=sum(account.duplicates for account in accounts.values()),
        late=late,
        refused=refused,
        reached=sum(account.next - 1 for account in accounts.values()),
        symbols=len(accounts),
        newest=newest,
        lost=most_missing(missing),
    )


def most_missing(missing: dict[str, int]) -> dict[str, int]:
    """The symbols to name, those with the most first."""
    ordered = sorted(missing.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(ordered[:MOST_NAMED])


class Teller:
    """Tells the accounts of one stage's member, until it is closed. `accounts` is called for each telling."""

    def __init__(
        self, nodes: Nodes, accounts: Callable[[], Iterable[StageAccount]], *, every: float = EVERY
    ) -> None:
        self._nodes = nodes
        self._accounts = accounts
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="accounts")

    async def close(self) -> None:
        """Tell a last time."""
        task, self._task = self._task, None
        await end(task)
        if task is not None:
            await self._tell()

    async def _run(self) -> None:
        while True:
            await self._tell()
            await asyncio.sleep(self._every)

    async def _tell(self) -> None:
        try:
            await write(self._nodes, list(self._accounts()))
        except CacheUnavailableError:
            pass  # the cache says so itself, and the next account holds all that this one would have
        except Exception:
            # What is told must not end what is told of.
            logger().exception("accounts_untold")


async def write(nodes: Nodes, accounts: Sequence[StageAccount]) -> None:
    """Tell accounts as of now, in one round trip. Raises CacheUnavailableError."""
    now = time.time_ns()
    fields: dict[str, list[str | bytes]] = {}
    for account in accounts:
        told = msgspec.structs.replace(account, at=now)
        place = f"{account.source}/{account.partition}"
        fields.setdefault(_key(account.stage), []).extend((place, msgspec.json.encode(told)))
    if not fields:
        return
    commands = [("HSET", key, *pairs) for key, pairs in fields.items()]
    expiries = [("EXPIRE", key, KEPT) for key in fields]
    await nodes.write_value(lambda wire: wire.pipeline([*commands, *expiries]))


async def read(nodes: Nodes, stages: Sequence[Stage] = STAGES) -> list[StageAccount]:
    """All that the stages told within the last hour, in order. Raises CacheUnavailableError."""

    async def ask(wire: Wire) -> list[list[bytes]]:
        return await wire.pipeline([("HVALS", _key(stage)) for stage in stages])

    oldest = time.time_ns() - KEPT * _SECOND
    found = []
    for value in (value for values in await nodes.read_value(ask) for value in values):
        # A member of a later version may tell of more, and of stages that are not known here.
        with contextlib.suppress(msgspec.DecodeError):
            account = msgspec.json.decode(value, type=StageAccount)
            if account.at >= oldest:
                found.append(account)
    return sorted(found, key=lambda one: (STAGES.index(one.stage), one.source, one.partition))


@dataclass(frozen=True, slots=True)
class Sum:
    """All that one stage told of one source. `silent`: one of its members has not told for too long.

    `missing` is all that is missing since the source; `here` what of it is not missing before this stage.
    """

    stage: Stage
    source: str
    members: tuple[str, ...]
    received: int
    missing: int
    here: int
    duplicates: int
    late: int
    refused: int
    reached: int
    symbols: int
    newest: int
    at: int
    silent: bool
    lost: dict[str, int]

    def contains(self, other: "Sum") -> bool:
        """Whether what `other` misses shows here, too: the numbers began to be counted no later, and as
        many are missing. By symbol nobody tells; of the same number of them, their sum does.
        """
        counted_as_long = self.symbols == other.symbols and self._first <= other._first
        return counted_as_long and self.missing >= other.missing

    @property
    def _first(self) -> int:
        """The sum of the numbers before the first of each symbol."""
        return self.reached - self.received - self.missing


def summed(accounts: Iterable[StageAccount], now: int) -> list[Sum]:
    """By stage, in the order in which ticks come by, and source. `now` in Unix nanoseconds.

    A stage that counts a source as a whole and by partition counts as told later. What a stage misses was
    lost there, but for what the stage before it misses as well; one that began to count later, and may not
    know of that, is given all of it: twice told is better than not at all.
    """
    groups: dict[tuple[int, str], list[StageAccount]] = {}
    for account in accounts:
        groups.setdefault((STAGES.index(account.stage), account.source), []).append(account)
    sums = [_sum(group, now) for _, group in sorted(groups.items(), key=lambda item: item[0])]
    told = {(one.stage, one.source): one for one in sums}
    return [replace(one, here=_here(one, told)) for one in sums]


def _here(one: Sum, told: Mapping[tuple[Stage, str], Sum]) -> int:
    before = next(
        (told[stage, one.source] for stage in _FROM[one.stage] if (stage, one.source) in told), None
    )
    if before is None or not one.contains(before):
        return one.missing
    return one.missing - before.missing


def _sum(group: list[StageAccount], now: int) -> Sum:
    latest = max(group, key=lambda account: account.at)
    group = [account for account in group if (account.partition == ALL) == (latest.partition == ALL)]
    missing: dict[str, int] = {}
    for account in group:
        for symbol, count in account.lost.items():
            missing[symbol] = missing.get(symbol, 0) + count
    return Sum(
        stage=latest.stage,
        source=latest.source,
        members=tuple(sorted({account.member for account in group})),
        received=sum(account.received for account in group),
        missing=sum(account.missing for account in group),
        here=0,
        duplicates=sum(account.duplicates for account in group),
        late=sum(account.late for account in group),
        refused=sum(account.refused for account in group),
        reached=sum(account.reached for account in group),
        symbols=sum(account.symbols for account in group),
        newest=max(account.newest for account in group),
        at=min(account.at for account in group),
        silent=any(now - account.at > SILENT * _SECOND for account in group),
        lost=most_missing(missing),
    )


def _key(stage: Stage) -> str:
    return f"accounts:{stage}"
