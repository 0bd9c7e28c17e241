"""How models and tenants did of late, from the records."""

import datetime
from dataclasses import dataclass
from typing import Any

from richesreach.core.database import Connection, Database

# By name, in seconds.
WINDOWS = {"5m": 300, "1h": 3600, "24h": 86_400, "7d": 604_800}
MOST_ROWS = 200
_PERCENTILES = "array[0.5, 0.95, 0.99]"
_MODELS = f"""
    select model, provider, region, count(*) as attempts,
        count(*) filter (where failure is null) as answered,
        percentile_cont({_PERCENTILES}) within group (order by seconds)
            filter (where failure is null) as seconds,
        percentile_cont({_PERCENTILES}) within group (order by first_token)
            filter (where first_token is not null) as first_token,
        sum(input_tokens)::bigint as input_tokens, sum(cached_tokens)::bigint as cached_tokens,
        sum(output_tokens)::bigint as output_tokens, sum(cost)::bigint as cost
    from ai_attempts
    where at >= now() - $1::interval and ($2::text is null or org = $2) and ($3::text is null or model = $3)
    group by model, provider, region order by attempts desc, model, provider, region limit {MOST_ROWS}
"""  # noqa: S608 (the percentiles and the number are constants)
_FAILURES = """
    select model, provider, region, failure, count(*) as number from ai_attempts
    where at >= now() - $1::interval and ($2::text is null or org = $2) and ($3::text is null or model = $3)
        and failure is not null
    group by model, provider, region, failure
"""
_REQUESTS = f"""
    select count(*) as requests, count(*) filter (where outcome = 'ok') as answered,
        count(*) filter (where cached <> 'none') as cached,
        count(*) filter (where attempts > 1) as retried,
        count(*) filter (where downgraded) as downgraded,
        coalesce(sum(cost), 0)::bigint as cost,
        percentile_cont({_PERCENTILES}) within group (order by seconds)
            filter (where outcome = 'ok') as seconds,
        percentile_cont({_PERCENTILES}) within group (order by first_token)
            filter (where first_token is not null) as first_token
    from ai_requests
    where at >= now() - $1::interval and ($2::text is null or org = $2) and ($3::text is null or model = $3)
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Question:
    """`window` is a name of `WINDOWS`; None is every organisation, every model."""

    window: str
    org: str | None
    model: str | None


class Performance:
    """Raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, question: Question) -> dict[str, Any]:
        """`{"requests": {…}, "models": [{…}]}`; percentiles are three numbers, or None without any answer."""
        since = datetime.timedelta(seconds=WINDOWS[question.window])
        given = (since, question.org, question.model)

        async def select(connection: Connection) -> tuple[Any, list[Any], list[Any]]:
            return (
                await connection.fetchrow(_REQUESTS, *given),
                await connection.fetch(_MODELS, *given),
                await connection.fetch(_FAILURES, *given),
            )

        requests, models, failures = await self._database.reader.run(select)
        why: dict[tuple[str, str, str], dict[str, int]] = {}
        for row in failures:
            key = (row["model"], row["provider"], row["region"])
            why.setdefault(key, {})[row["failure"]] = row["number"]
        return {
            "requests": dict(requests),
            "models": [
                {**dict(row), "failures": why.get((row["model"], row["provider"], row["region"]), {})}
                for row in models
            ],
        }
