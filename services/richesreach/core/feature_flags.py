"""Feature flags: what is switched on for whom, written in the writer region and read in every process.

A flag and its default are declared in code, with the type of its value. The global datastore holds a rule for
those that differ: a value, and to whom it applies. Each process keeps the rules and asks for them every few
seconds: no request waits for them, and without the datastore the last ones known serve on, then the defaults.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from richesreach.core.auth.identity import Identity
from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.ending import end
from richesreach.core.logs import logger

Value = TypeVar("Value", bool, int, float, str)

NAME = "flags:rules"
# Seconds.
INTERVAL = 2.0
# A hundredth of a percent.
_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Flag(Generic[Value]):
    """`name` is never used again for another purpose: rules of the old one may still be there."""

    name: str
    default: Value
    purpose: str


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`value` for `percent` of the subjects; only in `regions` and for one of `roles` where any are named."""

    value: bool | int | float | str
    percent: float = 100.0
    regions: list[str] = []
    roles: list[str] = []


class UnfitRuleError(ValueError):
    """The rule is none for this flag; the text says why."""


def fit(flag: Flag[Any], rule: Rule) -> Rule:
    """The rule, when it fits. Raises UnfitRuleError."""
    if type(rule.value) is not type(flag.default):
        wanted = type(flag.default).__name__
        raise UnfitRuleError(f"{flag.name} has values of type {wanted}, not {type(rule.value).__name__}")
    if not 0 <= rule.percent <= 100:
        raise UnfitRuleError(f"percent is 0 to 100, not {rule.percent:g}")
    return rule


def bucket(flag: str, subject: str) -> int:
    """0 to 9999: the same for a flag and subject in every process and always, and another for other flags.

    With a greater percentage come more subjects, and none leaves.
    """
    digest = hashlib.blake2b(f"{flag}\n{subject}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _BUCKETS


class FeatureFlags:
    """`region` is the process's own."""

    def __init__(self, servers: Nodes, region: str) -> None:
        self._servers = servers
        self._region = region
        self._rules: Mapping[str, Rule] = {}
        self._task: asyncio.Task[None] | None = None

    def value(self, flag: Flag[Value], caller: Identity | None = None) -> Value:
        """The flag's value for this caller; nobody is in no percentage but all."""
        rule = self._rules.get(flag.name)
        if (
            rule is None
            or type(rule.value) is not type(flag.default)
            or not self._concerns(flag, rule, caller)
        ):
            return flag.default
        found: Any = rule.value
        value: Value = found  # of the default's type: asked above
        return value

    def rules(self) -> Mapping[str, Rule]:
        """What this process knows."""
        return self._rules

    async def set(self, flag: Flag[Any], rule: Rule) -> None:
        """Raises UnfitRuleError, and CacheUnavailableError where the datastore takes no writes."""
        packed = msgspec.json.encode(fit(flag, rule))
        await self._servers.write_value(lambda wire: wire.call("HSET", NAME, flag.name, packed))
        self._rules = {**self._rules, flag.name: rule}

    async def clear(self, flag: Flag[Any]) -> None:
        """Back to the default. Raises CacheUnavailableError where the datastore takes no writes."""
        await self._servers.write_value(lambda wire: wire.call("HDEL", NAME, flag.name))
        self._rules = {name: rule for name, rule in self._rules.items() if name != flag.name}

    def open(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="feature-flags")

    async def close(self) -> None:
        await end(self._task)

    async def look(self) -> None:
        """Ask for the rules once; without an answer, those that are known stay."""
        try:
            found: list[bytes] = await self._servers.read_value(lambda wire: wire.call("HGETALL", NAME))
        except CacheUnavailableError:
            return
        rules = {}
        for name, raw in zip(found[::2], found[1::2], strict=True):
            try:
                rules[name.decode()] = msgspec.json.decode(raw, type=Rule)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                logger().warning("feature_flag_unreadable", flag=repr(name)[:80], error=str(error))
        self._rules = rules

    def _concerns(self, flag: Flag[Any], rule: Rule, caller: Identity | None) -> bool:
        if rule.regions and self._region not in rule.regions:
            return False
        if rule.roles and (caller is None or caller.roles.isdisjoint(rule.roles)):
            return False
        if rule.percent >= 100:
            return True
        return caller is not None and bucket(flag.name, caller.subject) < rule.percent * _BUCKETS / 100

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)
