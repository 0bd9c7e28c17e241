"""What the cache's server does in one step with an organisation's books.

All keys of an organisation bear its hash tag, so that they are in one slot whatever the number of shards.

    ai:budget:{<org>}:held          reservations: id to state, amount and accounts
    ai:budget:{<org>}:due           their ids by the time at which each runs out
    ai:budget:{<org>}:<account>     `s` settled and `r` reserved microdollars of one scope and period

A reservation that runs out counts as spent, in full: nobody knows what its replica did before it died. It is
remembered for an hour more, and whoever settles it then corrects the sum.
"""

from richesreach.core.cache.scripts import Script

# Milliseconds for which a reservation that ran out is remembered.
REMEMBERED = 3_600_000
# So many are taken note of in one call: a server does nothing else meanwhile.
SWEPT = 200

# Codes of answers.
DONE, REFUSED, UNKNOWN_ACCOUNT, NOTHING = 1, 0, -1, 2

# KEYS: held, due, then the accounts. ARGV: the time to take for now in milliseconds (tests; else, for 0, the
# server's own), then operations:
#   R id least most until n (account limit)*n    set aside what is there of `most`, `least` at least
#   S id cost counted n account*n                settle; `counted` 1: also where the id is not known
#   L n account*n                                look
# An account is its place in KEYS. Answers how many reservations ran out, then for each operation its code,
# the account that it is about (0: none), what was set aside, and settled and reserved of its accounts.
LEDGER = Script(
    """
local held, due, now = KEYS[1], KEYS[2], tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local accounts, changed = {}, {}
local function account(key)
  local found = accounts[key]
  if found == nil then
    local value = redis.call('HMGET', key, 's', 'r')
    found = value[1] and {tonumber(value[1]), tonumber(value[2])} or false
    accounts[key] = found
  end
  return found
end
local function add(key, settled, reserved)
  local found = account(key)
  if found then
    found[1], found[2] = found[1] + settled, found[2] + reserved
    changed[key] = found
  end
end
local function note(id, state, amount, names)
  redis.call('HSET', held, id, string.format('%s %.0f %s', state, amount, names))
end
local function parse(raw)
  local state, amount, names = string.match(raw, '^(%a) (%d+) (.*)$')
  return state, tonumber(amount), names
end

local gone = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, @SWEPT@)) do
  local state, amount, names = parse(redis.call('HGET', held, id) or 'x 0 ')
  if state == 'h' then
    for name in string.gmatch(names, '%S+') do add(name, amount, -amount) end
    note(id, 'e', amount, names)
    redis.call('ZADD', due, now + @REMEMBERED@, id)
    gone = gone + 1
  else
    redis.call('HDEL', held, id)
    redis.call('ZREM', due, id)
  end
end

local found, at = {gone}, 2
while at <= #ARGV do
  local operation = ARGV[at]
  local names, limits, width, first = {}, {}, 1, at + 2
  if operation == 'R' then width, first = 2, at + 6
  elseif operation == 'S' then first = at + 5 end
  local code, about, granted = 1, 0, 0
  for i = 1, tonumber(ARGV[first - 1]) do
    local place = first + (i - 1) * width
    names[i] = KEYS[tonumber(ARGV[place])]
    if width == 2 then limits[i] = tonumber(ARGV[place + 1]) end
    if code == 1 and not account(names[i]) then code, about = -1, i end
  end
  if operation == 'R' and code == 1 then
    local least, most = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    granted = most
    for i, name in ipairs(names) do
      local left = limits[i] - accounts[name][1] - accounts[name][2]
      if left < least and code == 1 then code, about = 0, i end
      granted = math.min(granted, left)
    end
    if code == 1 then
      local text = string.format('h %.0f %s', granted, table.concat(names, ' '))
      if redis.call('HSETNX', held, ARGV[at + 1], text) == 1 then
        redis.call('ZADD', due, ARGV[at + 4], ARGV[at + 1])
        for _, name in ipairs(names) do add(name, 0, granted) end
      else
        local _, before = parse(redis.call('HGET', held, ARGV[at + 1]))
        granted = before
      end
    else
      granted = 0
    end
  elseif operation == 'S' and code == 1 then
    local id, cost = ARGV[at + 1], tonumber(ARGV[at + 2])
    local raw = redis.call('HGET', held, id)
    if raw then
      local state, amount, own = parse(raw)
      if state == 'h' then
        for name in string.gmatch(own, '%S+') do add(name, cost, -amount) end
        redis.call('HDEL', held, id)
        redis.call('ZREM', due, id)
      else
        for name in string.gmatch(own, '%S+') do add(name, cost - amount, 0) end
        note(id, 'e', cost, own)
      end
    elseif ARGV[at + 3] == '1' then
      for _, name in ipairs(names) do add(name, cost, 0) end
      note(id, 'e', cost, table.concat(names, ' '))
      redis.call('ZADD', due, now + @REMEMBERED@, id)
    else
      code = 2
    end
  end
  local answer = {code, about, granted}
  for _, name in ipairs(names) do
    local sums = accounts[name] or {0, 0}
    answer[#answer + 1], answer[#answer + 2] = sums[1], sums[2]
  end
  found[#found + 1] = answer
  at = first + #names * width
end
for name, sums in pairs(changed) do
  redis.call('HSET', name, 's', string.format('%.0f', sums[1]), 'r', string.format('%.0f', sums[2]))
end
return found
""".replace("@REMEMBERED@", str(REMEMBERED)).replace("@SWEPT@", str(SWEPT))
)

# KEYS: accounts. ARGV: for each what is settled, and the Unix milliseconds at which nobody needs it any more,
# 0 for never. An account that is there stays as it is.
OPEN = Script("""
for i, key in ipairs(KEYS) do
  if redis.call('HSETNX', key, 's', ARGV[2 * i - 1]) == 1 then
    redis.call('HSET', key, 'r', 0)
    if ARGV[2 * i] ~= '0' then redis.call('PEXPIREAT', key, ARGV[2 * i]) end
  end
end
return #KEYS
""")
