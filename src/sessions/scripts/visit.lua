#!lua
-- visit: a session is seen, and perhaps visited; it is idle from now on only. The one step that most requests are, so it is
-- written out: it does what session_find and session_keep do (lib/session.lua), with the fewest calls, of which each costs as much
-- as a plain GET, and without turning numbers into text, for which a score would have to be, and a time. The time is what is left
-- of the key until its expiry, which stands in the session; only what a visit changes is written, and the expiry is moved when the
-- session would outlive it.
-- KEYS  1 session  2 the bucket's customers
-- ARGV  1 attempt (8), idle time in ms (6), visits that this counts as: 1 or 0 (1)
-- Replies what a visit changes (32) as it is now, and after it the session as it was found  nil: it is gone
-- Keeps: the key's expiry is not before the end of the idle time, and not after the session's own end.

local call, key = redis.call, KEYS[1]
local session = call('GET', key)
if not session then
  return false
end
local format, last, visits, _, over, kept, ends, customer = struct.unpack('>Bc8I6I6I6I6I6c16', session)
if format ~= 2 then
  return false
end
local now = kept - call('PTTL', key)
if now >= over or not call('ZRANK', KEYS[2], customer) then
  call('DEL', key)
  return false
end
local attempt, idle, counted = struct.unpack('>c8I6B', ARGV[1])
if last == attempt then
  return string.sub(session, 2, 33) .. session
end
over = now + idle
if over > ends then
  over = ends
end
if over > kept then
  kept = math.min(over + math.floor(idle / 16), ends)
  call('PEXPIREAT', key, string.format('%.0f', kept))
end
local head = struct.pack('>c8I6I6I6I6', attempt, visits + counted, now, over, kept)
call('SETRANGE', key, '1', head)
return head .. session
