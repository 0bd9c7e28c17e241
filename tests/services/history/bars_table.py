"""What a test asks of the table of bars, and the minute that most of its bars begin in."""

import asyncpg
from richesreach.core.database import Connection, Database

MINUTE = 29_454_480  # of 2026-01-01 12:00 UTC since the epoch


async def asked(database: Database, question: str) -> list[asyncpg.Record]:
    async def work(connection: Connection) -> list[asyncpg.Record]:
        return await connection.fetch(question)

    return await database.writer.run(work)
