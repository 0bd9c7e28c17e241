"""What is asked of the newest features, over REST and gRPC alike."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from richesreach.features.errors import refused
from richesreach.features.online import NO_TIME, OnlineFeatures, Read
from richesreach.features.selection import Selection, selection
from richesreach.features.views import Entity

# A symbol as the stream's schemas have it; a portfolio by its id.
_FORMS = {
    "symbol": re.compile(r"[A-Z0-9][A-Z0-9._:/=^-]{0,31}"),
    "portfolio": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """`read` has a row for each of `entities`; `unknown` has what cannot be an entity, too."""

    wanted: Selection
    entities: Sequence[str]
    read: Read
    unknown: Sequence[str]


class Features:
    def __init__(self, online: OnlineFeatures) -> None:
        self.online = online

    async def distinct(self, names: Sequence[str], asked: Iterable[str]) -> Found:
        """Each entity once. Raises Problem."""
        wanted = selection(names)
        entities, malformed = _sorted_out(wanted.entity, asked)
        if not entities and malformed:
            raise refused(f"{malformed[0][:40]!r} is no {wanted.entity}.")
        read = await self.online.read(wanted, entities)
        missing = [one for one, at in zip(entities, read.times, strict=True) if at == NO_TIME]
        return Found(wanted, entities, read, [*malformed, *missing])

    async def rows(self, names: Sequence[str], asked: Sequence[str]) -> tuple[Selection, Read]:
        """A row for each entity as it is asked, known or not. Raises Problem."""
        wanted = selection(names)
        return wanted, await self.online.read(wanted, asked)


def named(entity: Entity, text: str) -> str | None:
    """As it is written here; None for what cannot be one."""
    found = text.strip()
    if entity == "symbol":
        found = found.upper()
    return found if _FORMS[entity].fullmatch(found) else None


def _sorted_out(entity: Entity, asked: Iterable[str]) -> tuple[list[str], list[str]]:
    good: dict[str, None] = {}
    bad: dict[str, None] = {}
    for text in asked:
        name = named(entity, text)
        if name is None:
            bad[text] = None
        else:
            good[name] = None
    return [*good], [*bad]
