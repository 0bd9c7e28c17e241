"""What the servers do in one step. One shard: the scripts find tagged keys themselves."""

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from richesreach.core.cache.wire import Wire


class Script:
    """A Lua script that servers know by its hash; one that does not know it is told."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.hash = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, node: Wire, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await node.evalsha(self.hash, len(keys), *keys, *arguments)
        except NoScriptError:
            return await node.eval(self.source, len(keys), *keys, *arguments)


# A mark says that a key, tag or kind was invalidated; a load that began before it must not store its result.
# Longer than any load that this is to be true of, in milliseconds.
MARK_TTL = 120_000
MARK = "cache:mark:"
# Sorted by when each member runs out, so that those that have can be left out.
TAG = "cache:tagged:"
CHANNEL = "cache:invalidated"

# KEYS: the key, the tags' sets. ARGV: value, milliseconds to live, number of marks, name and value of each;
# then, where loads that began before must not store theirs over it, a mark, its value, its milliseconds.
# 1 when stored, 0 when one of the marks is another than the caller saw before it loaded.
STORE = Script("""
local marks = tonumber(ARGV[3])
for i = 1, marks do
  local seen = redis.call('GET', ARGV[2 + 2 * i]) or ''
  if seen ~= ARGV[3 + 2 * i] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local own = ARGV[4 + 2 * marks]
if own then redis.call('SET', own, ARGV[5 + 2 * marks], 'PX', ARGV[6 + 2 * marks]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  redis.call('ZADD', KEYS[i], now + ARGV[2], KEYS[1])
  if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
end
return 1
""")

# KEYS: keys and tags' sets. ARGV: number of keys, the mark, its milliseconds to live, the channel, the kinds
# as JSON, then the names of all marks. Answers all keys that are gone, after every listener was told: in the
# same step, because PUBLISH alone is no write, and a demoted primary would take it and tell nobody.
INVALIDATE = Script("""
local count, gone = tonumber(ARGV[1]), {}
for i = 6, #ARGV do redis.call('SET', ARGV[i], ARGV[2], 'PX', ARGV[3]) end
for i = 1, #KEYS do
  if i <= count then
    gone[#gone + 1] = KEYS[i]
  else
    for _, member in ipairs(redis.call('ZRANGE', KEYS[i], 0, -1)) do gone[#gone + 1] = member end
    redis.call('UNLINK', KEYS[i])
  end
end
for i = 1, #gone do redis.call('UNLINK', gone[i]) end
local keys = #gone > 0 and cjson.encode(gone) or '[]'
redis.call('PUBLISH', ARGV[4], '{"keys":' .. keys .. ',"kinds":' .. ARGV[5] .. '}')
return gone
""")
