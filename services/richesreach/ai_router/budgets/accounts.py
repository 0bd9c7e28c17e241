"""The accounts that stand in one cache: what is asked of them in one moment goes there in one call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from richesreach.ai_router.budgets.script import LEDGER
from richesreach.core.cache.nodes import Nodes
from richesreach.core.limits.questions import Questions


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked of one organisation's accounts. `words` follow the letter in the script's arguments."""

    org: str
    letter: str
    words: tuple[str | int, ...]
    keys: tuple[str, ...]
    limits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """The script's answer. `about` is the account that a refusal is about, from 1; `sums` are settled and
    reserved of each.
    """

    code: int
    about: int
    granted: int
    sums: tuple[tuple[int, int], ...]


class Accounts:
    """All that is asked in one moment is one call for each organisation. Raises CacheUnavailableError."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        # Reservations that ran out, as far as this process was the one to notice.
        self.expired = 0
        self._questions: Questions[Operation, Told] = Questions(self._ask)

    async def reserve(
        self, org: str, id_: str, least: int, most: int, until: float, accounts: Sequence[tuple[str, int]]
    ) -> Told:
        """Set aside as much of `most` as is left in all `accounts` (key and limit), but `least` at least."""
        keys, limits = zip(*accounts, strict=True)
        words = (id_, least, most, int(until * 1000))
        return await self._questions.answer(Operation(org, "R", words, keys, limits))

    async def settle(self, org: str, id_: str, cost: int, keys: Sequence[str], *, counted: bool) -> Told:
        """End a reservation. One that is not known is counted too where `counted`, and only once."""
        words = (id_, cost, int(counted))
        return await self._questions.answer(Operation(org, "S", words, tuple(keys)))

    async def look(self, org: str, keys: Sequence[str]) -> Told:
        return await self._questions.answer(Operation(org, "L", (), tuple(keys)))

    async def _ask(self, operations: Sequence[Operation], now: int = 0) -> list[Told]:
        orgs: dict[str, list[int]] = {}
        for place, operation in enumerate(operations):
            orgs.setdefault(operation.org, []).append(place)
        if len(orgs) == 1:
            return await self._ask_one(operations, now)
        of_orgs = await asyncio.gather(
            *(self._ask_one([operations[place] for place in places], now) for places in orgs.values())
        )
        found: dict[int, Told] = {}
        for places, told in zip(orgs.values(), of_orgs, strict=True):
            found.update(zip(places, told, strict=True))
        return [found[place] for place in range(len(operations))]

    async def _ask_one(self, operations: Sequence[Operation], now: int) -> list[Told]:
        org = operations[0].org
        keys = [f"ai:budget:{{{org}}}:held", f"ai:budget:{{{org}}}:due"]
        places: dict[str, int] = {}
        arguments: list[str | int] = [now]
        for operation in operations:
            arguments.append(operation.letter)
            arguments += operation.words
            arguments.append(len(operation.keys))
            for index, key in enumerate(operation.keys):
                place = places.get(key)
                if place is None:
                    keys.append(key)
                    place = places[key] = len(keys)
                arguments.append(place)
                if operation.limits:
                    arguments.append(operation.limits[index])
        expired, *answers = await self.nodes.write_directly(lambda wire: LEDGER.run(wire, keys, arguments))
        self.expired += expired
        return [
            Told(code, about, granted, tuple(zip(sums[::2], sums[1::2], strict=True)))
            for code, about, granted, *sums in answers
        ]
