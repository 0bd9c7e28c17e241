"""A write that its sender may send again: the same key does it once, and gives the first answer again."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import msgspec

from richesreach.core.database import Connection, Database
from richesreach.gateway.market.errors import InvalidError, KeyReusedError

Answer = TypeVar("Answer")

MAX_KEY = 80
#: How long a key is remembered.
REMEMBERED = "24 hours"

_FORGET = f"delete from market_requests where subject = $1 and asked_at < now() - interval '{REMEMBERED}'"  # noqa: S608
# Waits for another transaction with the same key; then there is a row, or that one failed and this is first.
_BEGIN = """
    insert into market_requests (subject, key, digest) values ($1, $2, $3)
    on conflict (subject, key) do nothing returning true
"""
_BEFORE = "select digest, answer from market_requests where subject = $1 and key = $2"
_END = "update market_requests set answer = $3 where subject = $1 and key = $2"


def valid_key(key: str | None) -> str:
    """A key of our own where none was sent: the pool may do a write twice when the writer moves.

    Raises InvalidError.
    """
    if key is None:
        return uuid4().hex
    if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidError(f"An idempotency key is 1 to {MAX_KEY} printable ASCII characters.")
    return key


async def once(
    database: Database,
    subject: str,
    key: str | None,
    request: object,
    work: Callable[[Connection], Awaitable[Answer]],
    wanted: type[Answer],
) -> Answer:
    """Do `work` in a transaction, or answer as the first time.

    `request` is all that the work depends on. Raises KeyReusedError where the key came with another one,
    InvalidError, DatabaseUnavailableError, and what `work` raises.
    """
    key = valid_key(key)
    digest = hashlib.sha256(msgspec.json.encode(request)).digest()

    async def attempt(connection: Connection) -> Answer:
        async with connection.transaction():
            await connection.execute(_FORGET, subject)
            if await connection.fetchval(_BEGIN, subject, key, digest):
                answer = await work(connection)
                await connection.execute(_END, subject, key, msgspec.json.encode(answer).decode())
                return answer
            before = await connection.fetchrow(_BEFORE, subject, key)
            if before is None or before["digest"] != digest:
                raise KeyReusedError
            return msgspec.json.decode(before["answer"], type=wanted)

    return await database.write(attempt)
