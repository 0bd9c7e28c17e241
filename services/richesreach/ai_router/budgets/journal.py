"""The script's arithmetic in this process: what a reservation does to sums, and how it ends.

Tests hold that both count alike. It is also what a process goes by while no cache answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from richesreach.ai_router.budgets.accounts import Told
from richesreach.ai_router.budgets.script import DONE, NOTHING, REFUSED, REMEMBERED, UNKNOWN_ACCOUNT


@dataclass(slots=True)
class Sums:
    settled: int = 0
    reserved: int = 0


@dataclass(slots=True)
class Held:
    """A reservation; `spent` once it ran out and counts as such. `due` in milliseconds."""

    amount: int
    keys: tuple[str, ...]
    due: int
    spent: bool = False


@dataclass(slots=True)
class Journal:
    """Accounts by key. Times in milliseconds, from whatever clock the caller has."""

    accounts: dict[str, Sums] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    expired: int = 0
    # Before then nothing runs out.
    _quiet: int = 0

    def open(self, key: str, settled: int = 0) -> None:
        self.accounts.setdefault(key, Sums(settled))

    def reserve(
        self, id_: str, least: int, most: int, until: int, accounts: Sequence[tuple[str, int]], now: int
    ) -> Told:
        self.sweep(now)
        keys = tuple(key for key, _ in accounts)
        unknown = self._unknown(keys)
        if unknown is not None:
            return unknown
        before = self.held.get(id_)
        lefts = [limit - self._used(key) for key, limit in accounts]
        short = next((place for place, left in enumerate(lefts, 1) if left < least), 0)
        if short:
            return Told(REFUSED, short, 0, self._sums(keys))
        if before is not None:
            return Told(DONE, 0, before.amount, self._sums(keys))
        granted = min([most, *lefts])
        self.held[id_] = Held(granted, keys, until)
        self._quiet = min(self._quiet, until)
        self._add(keys, 0, granted)
        return Told(DONE, 0, granted, self._sums(keys))

    def settle(self, id_: str, cost: int, keys: Sequence[str], now: int, *, counted: bool) -> Told:
        self.sweep(now)
        keys = tuple(keys)
        unknown = self._unknown(keys)
        if unknown is not None:
            return unknown
        held, code = self.held.get(id_), DONE
        if held is not None and held.spent:
            self._add(held.keys, cost - held.amount, 0)
            held.amount = cost
        elif held is not None:
            self._add(held.keys, cost, -held.amount)
            del self.held[id_]
        elif counted:
            self._add(keys, cost, 0)
            self.held[id_] = Held(cost, keys, now + REMEMBERED, spent=True)
            self._quiet = min(self._quiet, now + REMEMBERED)
        else:
            code = NOTHING
        return Told(code, 0, 0, self._sums(keys))

    def sweep(self, now: int) -> None:
        if now < self._quiet:
            return
        for id_, held in [*self.held.items()]:
            if held.due > now:
                continue
            if held.spent:
                del self.held[id_]
                continue
            self._add(held.keys, held.amount, -held.amount)
            held.spent, held.due = True, now + REMEMBERED
            self.expired += 1
        self._quiet = min((held.due for held in self.held.values()), default=now + REMEMBERED)

    def _used(self, key: str) -> int:
        sums = self.accounts[key]
        return sums.settled + sums.reserved

    def _unknown(self, keys: tuple[str, ...]) -> Told | None:
        place = next((place for place, key in enumerate(keys, 1) if key not in self.accounts), 0)
        return Told(UNKNOWN_ACCOUNT, place, 0, self._sums(keys)) if place else None

    def _sums(self, keys: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
        found = [self.accounts.get(key, Sums()) for key in keys]
        return tuple((sums.settled, sums.reserved) for sums in found)

    def _add(self, keys: tuple[str, ...], settled: int, reserved: int) -> None:
        for key in keys:
            sums = self.accounts.get(key)
            if sums is not None:
                sums.settled += settled
                sums.reserved += reserved
