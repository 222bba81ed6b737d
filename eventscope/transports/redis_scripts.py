"""Lua that settles pending entries: each looks whether the entry is still the member's, then acts.

An entry that waits for its next attempt is owned by the consumer `WAITING`, so that the delay of a
retry and the silence of a dead member can be told apart by owner.
"""

from __future__ import annotations

__all__ = [
    "DEAD_LETTER",
    "HOLD",
    "LEAVE",
    "LONG_IDLE_MS",
    "RELEASE",
    "RETRY",
    "RETRY_NOW",
    "WAITING",
]

WAITING = b"eventscope:waiting"

LONG_IDLE_MS = 3650 * 86_400_000
"""Idle time that any ``retry_after`` is shorter than, so a released entry is due at once."""

_KEEP_FAILURES_MS = 14 * 86_400_000

_MINE = """
local function mine(id)
  return #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) > 0
end
"""

RETRY = (
    _MINE
    + f"""
-- KEYS topic failures; ARGV group me id failed_ms
if not mine(ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], '{WAITING.decode()}', 0, ARGV[3], 'JUSTID')
redis.call('HSETNX', KEYS[2], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[2], {_KEEP_FAILURES_MS})
return 1
"""
)

RELEASE = (
    _MINE
    + f"""
-- KEYS topic; ARGV group me id deliveries
if not mine(ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], '{WAITING.decode()}', 0, ARGV[3],
           'IDLE', {LONG_IDLE_MS}, 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
"""
)

# XADD stands first: it is the one that may be refused (memory, type), and then nothing has happened.
DEAD_LETTER = (
    _MINE
    + """
-- KEYS topic failures dead-letter-topic; ARGV group me id maxlen field value ...
if not mine(ARGV[3]) then return 0 end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', unpack(ARGV, 5))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3])
return 1
"""
)

HOLD = (
    _MINE
    + """
-- KEYS topic; ARGV group me id ...
local held = 0
for i = 3, #ARGV do
  if mine(ARGV[i]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    held = held + 1
  end
end
return held
"""
)

LEAVE = """
-- KEYS topic; ARGV group member
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

RETRY_NOW = f"""
-- KEYS topic; ARGV group id. Ends the delay of an entry that waits; 0 if it does not wait.
local waiting = '{WAITING.decode()}'
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1, waiting) == 0 then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], waiting, 0, ARGV[2], 'IDLE', {LONG_IDLE_MS}, 'JUSTID')
return 1
"""
