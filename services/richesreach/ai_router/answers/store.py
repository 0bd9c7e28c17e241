"""Kept answers, in the region's cache and nowhere else. Without it every request is a miss."""

import time
from collections.abc import Callable

import msgspec
import numpy as np
from msgspec import Raw

from richesreach.ai_router.answers.canonical import Asking, canonical, deterministic, digest_of
from richesreach.ai_router.answers.model import Keeping, Match, Stored
from richesreach.ai_router.answers.nearness import DIMENSIONS, alike, comparable, embed, marks
from richesreach.ai_router.tenants import place
from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.cache.scripts import Script
from richesreach.core.logs import logger

# Seconds for which an answer is kept, unless the environment says otherwise.
TTL = 300
# From which likeness on two questions count as one.
SIMILARITY = 0.95
# Questions of one tenant that are compared, for each form of request.
MOST_NEAR = 128
_DECODER = msgspec.msgpack.Decoder(Stored)
_ENCODER = msgspec.msgpack.Encoder()
_MESSAGES = frozenset({"messages"})

# KEYS: the questions by digest, the same by when they run out. ARGV: now, digest, until (both in Unix
# milliseconds), vector, milliseconds to live, how many. Forgets those that ran out, and the oldest.
_NEAR = Script("""
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
  redis.call('HDEL', KEYS[1], gone)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[6])
if over > 0 then
  for _, gone in ipairs(redis.call('ZRANGE', KEYS[2], 0, over - 1)) do
    redis.call('HDEL', KEYS[1], gone)
    redis.call('ZREM', KEYS[2], gone)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
""")


class Answers:
    """`ttl` in seconds. `semantic` also gives answers to questions that are almost the same."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        keeping: Keeping = Keeping.DETERMINISTIC,
        ttl: int = TTL,
        semantic: bool = False,
        similarity: float = SIMILARITY,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._nodes = nodes
        self._keeping = keeping
        self._ttl = ttl
        self._semantic = semantic
        self._similarity = similarity
        self._now = now

    def concerned(self, request: Asking, kind: str = "chat") -> bool:
        """Whether the answer of such a request is kept at all; streams need be assembled for those alone."""
        if self._keeping is Keeping.NONE or request.options.cache == "bypass":
            return False
        return self._keeping is Keeping.ALL or kind != "chat" or deterministic(request)

    async def find(self, tenant: str, request: Asking, kind: str = "chat") -> Stored | None:
        """An answer that fits; None without one, where none may be given, and where the cache is away.

        `kind` is `chat` or `embeddings`. Answers of one tenant are never given to another.
        """
        if not self.concerned(request, kind) or request.options.cache != "use":
            return None
        form = canonical(request)
        if form is None:
            return None
        found = await self._get(_key(tenant, digest_of(kind, form)))
        if found is None and self._semantic and kind == "chat":
            return await self._near(tenant, request)
        return found

    async def keep(self, tenant: str, request: Asking, stored: Stored, kind: str = "chat") -> None:
        """Keep a whole answer. Never raises: without the cache nothing is kept."""
        form = canonical(request) if self.concerned(request, kind) else None
        if form is None:
            return
        name, milliseconds = digest_of(kind, form), self._ttl * 1000
        packed = _ENCODER.encode(stored)
        try:
            await self._nodes.write_directly(
                lambda wire: wire.call("SET", _key(tenant, name), packed, "PX", milliseconds)
            )
            if self._semantic and kind == "chat":
                await self._note(tenant, request, name)
        except CacheUnavailableError as error:
            logger().debug("answer_not_kept", error=str(error))

    async def _get(self, key: str) -> Stored | None:
        try:
            raw = await self._nodes.write_directly(lambda wire: wire.call("GET", key))
            return None if raw is None else _DECODER.decode(raw)
        except (CacheUnavailableError, msgspec.DecodeError) as error:
            logger().debug("answer_not_found", error=str(error))
            return None

    async def _note(self, tenant: str, request: Asking, name: str) -> None:
        question = _question(request)
        if question is None:
            return
        text, frame = question
        now, lasts = int(self._now() * 1000), self._ttl * 1000
        keys = [f"{_prefix(tenant)}:near:{frame}", f"{_prefix(tenant)}:due:{frame}"]
        arguments = [now, name, now + lasts, embed(text).tobytes(), lasts, MOST_NEAR]
        await self._nodes.write_directly(lambda wire: _NEAR.run(wire, keys, arguments))

    async def _near(self, tenant: str, request: Asking) -> Stored | None:
        question = _question(request)
        if question is None:
            return None
        text, frame = question
        key = f"{_prefix(tenant)}:near:{frame}"
        try:
            told = await self._nodes.write_directly(lambda wire: wire.call("HGETALL", key))
        except CacheUnavailableError:
            return None
        pairs = [(told[i], told[i + 1]) for i in range(0, len(told), 2) if len(told[i + 1]) == DIMENSIONS]
        if not pairs:
            return None
        many = np.frombuffer(b"".join(vector for _, vector in pairs), dtype=np.int8)
        likeness = alike(embed(text), many.reshape(len(pairs), DIMENSIONS))
        best = int(likeness.argmax())
        if likeness[best] < self._similarity:
            return None
        found = await self._get(_key(tenant, pairs[best][0].decode()))
        if found is None:
            return None
        nearness = round(float(likeness[best]), 4)
        return msgspec.structs.replace(found, match=Match.SEMANTIC, similarity=nearness)


def _prefix(tenant: str) -> str:
    return place("answers", tenant)


def _key(tenant: str, name: str) -> str:
    return f"{_prefix(tenant)}:{name}"


def _question(request: Asking) -> tuple[str, str] | None:
    """The last message, and a digest of all that must be the same beside it: every other message and member,
    and the last one's numbers, names and negations. None where the last is no short text of
    the user's.
    """
    *before, last = msgspec.json.decode(request.members["messages"], type=list[Raw])
    message = msgspec.json.decode(last)
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str) or message.get("role") != "user" or not comparable(text):
        return None
    form = canonical(request, without=_MESSAGES)
    if form is None:
        return None
    others = msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(before)), order="deterministic")
    return text, digest_of("near", b"\n".join((form, others, marks(text).encode())))
