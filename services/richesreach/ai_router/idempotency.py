"""The header `Idempotency-Key`: a request that is sent again is answered as the first time, and done once.

What was answered stands in the region's cache for a day. A client that sends its request to another region
has a new key there. Without the cache the promise cannot be kept, and who asks for it is told so.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable

import msgspec

from richesreach.ai_router.budgets.plan import digest
from richesreach.ai_router.tenants import place
from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.cache.scripts import Script
from richesreach.core.problems import Problem

HEADER = b"idempotency-key"
# Seconds: for how long an answer is remembered; when the claim of a process that died may be another's; how
# often one looks that waits.
REMEMBERED, CLAIMED, INTERVAL = 86_400, 120, 0.05
MAX_KEY = 255
# Bytes of an answer that is remembered.
MOST = 4 * 1024 * 1024

# KEYS: the key. ARGV: what stands there while its request is under way, milliseconds. Answers what stands
# there already, false for nothing.
_CLAIM = Script("""
local found = redis.call('GET', KEYS[1])
if not found then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return found
""")
# KEYS: the key. ARGV: the own claim, what takes its place ("" for nothing), milliseconds. Only the own claim
# is replaced: one that ran out may be another's by now.
_END = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
""")


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What was answered. A stream's `body` is the answer that it made: `streams.replay` tells it anew."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    streamed: bool = False


class _Record(msgspec.Struct, array_like=True):
    """`request` is the digest of the body; `told` is None while the request is under way."""

    request: bytes
    owner: str
    told: Told | None = None


_DECODER = msgspec.msgpack.Decoder(_Record)
_ENCODER = msgspec.msgpack.Encoder()


class Claim:
    """The right to do a request, and the duty to say what became of it: `end` or `abandon`."""

    def __init__(self, nodes: Nodes, key: str, record: _Record) -> None:
        self._nodes = nodes
        self._key = key
        self._record = record
        self._open = True

    async def end(self, told: Told) -> None:
        """Remember the answer. One that is not a success, or too long, is not remembered: try again."""
        if not 200 <= told.status < 300 or len(told.body) > MOST:
            await self.abandon()
            return
        done = _Record(self._record.request, self._record.owner, told)
        await self._end(_ENCODER.encode(done))

    async def abandon(self) -> None:
        """Nothing was done: the same key may be tried again. Never raises; twice is once."""
        await self._end(b"")

    async def _end(self, value: bytes) -> None:
        if not self._open:
            return
        self._open = False
        words = [_ENCODER.encode(self._record), value, REMEMBERED * 1000]
        try:
            await self._nodes.write_directly(lambda wire: _END.run(wire, [self._key], words))
        except CacheUnavailableError:
            return  # the claim runs out by itself


class Idempotency:
    """In seconds: `longest` waits a repeated request for the first one, and `claimed` is longer than any
    request lasts.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        longest: float = 30.0,
        claimed: float = CLAIMED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = nodes
        self._longest = longest
        self._claimed = claimed
        self._clock = clock

    async def begin(self, tenant: str, key: str, body: bytes, *, path: str = "") -> Told | Claim:
        """What was answered to the key, or the right to answer it.

        `tenant` is the caller's key or user: nobody else's keys are seen. Raises Problem: 400 for a key that
        is none, 422 where it came with another request, 409 while that is still under way, 503 without cache.
        """
        if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
            detail = f"An Idempotency-Key is 1 to {MAX_KEY} printable ASCII characters."
            raise Problem(400, "invalid-idempotency-key", detail)
        name = f"{place('once', tenant)}:{digest(key)}"
        request = hashlib.blake2b(path.encode() + b"\0" + body, digest_size=20).digest()
        record = _Record(request, secrets.token_hex(8))
        until = self._clock() + self._longest
        while True:
            found = await self._claim(name, record)
            if found is None:
                return Claim(self._nodes, name, record)
            if found.request != request:
                detail = "This Idempotency-Key came with another request before. Use a new one."
                raise Problem(422, "idempotency-key-reused", detail)
            if found.told is not None:
                return found.told
            if self._clock() >= until:
                detail = "The first request with this Idempotency-Key is still under way."
                raise Problem(409, "idempotency-in-flight", detail, headers={"retry-after": "2"})
            await asyncio.sleep(INTERVAL)

    async def _claim(self, name: str, record: _Record) -> _Record | None:
        words = [_ENCODER.encode(record), int(self._claimed * 1000)]
        try:
            raw = await self._nodes.write_directly(lambda wire: _CLAIM.run(wire, [name], words))
        except CacheUnavailableError as error:
            detail = (
                "Whether this request was done before cannot be known at the moment. Try again in a few"
                " seconds, or send it without an Idempotency-Key."
            )
            raise Problem(503, "idempotency-unavailable", detail, headers={"retry-after": "2"}) from error
        try:
            return None if not raw else _DECODER.decode(raw)
        except msgspec.DecodeError:
            return _Record(b"", "")  # of another version: a request that nobody can tell from this one
