"""What callers thought of answers, and how far that moves what we hold of a model.

Each verdict is a number from 0 to 1. Sums of them are kept by model and task and fade with a half-life of two
weeks. A prior moves towards their mean as if it were so many verdicts itself, and never further than
`FURTHEST`.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from richesreach.core.database import Connection, Database

# Days after which a verdict counts half.
HALF_LIFE = 14.0
# So many verdicts is the prior worth, and so far it can be moved.
PRIOR_VERDICTS, FURTHEST = 20.0, 0.15
# Verdicts of one subject on one model and task that count in a day.
MOST_A_DAY = 20

_FIND = """
    select id, model, task from ai_requests
    where request_id = $1 and org = $2 and model is not null order by at desc limit 1
"""
_TODAY = """
    select count(*) from ai_feedback
    where subject = $1 and model = $2 and task = $3 and counted and at > now() - interval '1 day'
"""
_NOTE = """
    insert into ai_feedback (request, subject, model, task, score, counted) values ($1, $2, $3, $4, $5, $6)
    on conflict (request, subject) do nothing returning counted
"""
_MOVE = """
    insert into ai_quality as known (model, task, good, weight) values ($1, $2, $3, 1)
    on conflict (model, task) do update set
        good = known.good * exp($4 * extract(epoch from now() - known.at)::float8) + excluded.good,
        weight = known.weight * exp($4 * extract(epoch from now() - known.at)::float8) + 1,
        at = now()
"""
_ALL = "select model, task, good, weight, at from ai_quality"
# A second's share of the fading.
_RATE = -math.log(2) / (HALF_LIFE * 86_400)


class UnknownRequestError(Exception):
    """The caller's organisation had no answer under this id."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Sums of one model and task: `good` of all scores, `weight` of their number, both faded until `at`."""

    model: str
    task: str
    good: float
    weight: float
    at: datetime

    def moved(self, prior: float, now: datetime) -> float:
        """The prior as it is now held; between 0 and 1, and no further than `FURTHEST` from where it was."""
        kept = math.exp(min(0.0, _RATE * (now - self.at).total_seconds()))
        mean = (prior * PRIOR_VERDICTS + self.good * kept) / (PRIOR_VERDICTS + self.weight * kept)
        return min(1.0, max(0.0, min(prior + FURTHEST, max(prior - FURTHEST, mean))))


class Quality:
    """Each raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def judge(self, request_id: str, org: str, subject: str, score: float) -> bool:
        """Whether the verdict counts: the first of a subject on an answer does, and so many a day.

        Raises UnknownRequestError.
        """

        async def write(connection: Connection) -> bool:
            async with connection.transaction():
                row = await connection.fetchrow(_FIND, request_id, org)
                if row is None:
                    raise UnknownRequestError(request_id)
                of = (row["model"], row["task"])
                today = await connection.fetchval(_TODAY, subject, *of)
                counts = today < MOST_A_DAY
                noted = await connection.fetchval(_NOTE, row["id"], subject, *of, score, counts)
                if noted:
                    await connection.execute(_MOVE, *of, score, _RATE)
                return bool(noted)

        return await self._database.write(write)

    async def all(self) -> list[Verdicts]:
        async def select(connection: Connection) -> list[Any]:
            return await connection.fetch(_ALL)

        return [Verdicts(**dict(row)) for row in await self._database.reader.run(select)]
