#!lua
-- visit: a session is seen, and perhaps visited; it is idle from now on only. The one step that most requests are, so it is
-- written out: it does what session_find and session_keep do (lib/session.lua), with the fewest calls, of which each costs as much
-- as a plain GET, without turning numbers into text, for which a score would have to be, and a time, and with few strings, since
-- each that is made is hashed to its last byte: so the attempt is two numbers here. The time is what is left of the key until its
-- expiry, which stands in the session; only what a visit changes is written, and the expiry is moved when the session would
-- outlive it.
-- KEYS  1 session  2 the bucket's customers
-- ARGV  1 attempt (8), idle time in ms (6), visits that this counts as: 1 or 0 (1)
-- Replies attempt, visits, seen and over (26) as they are now, and the session as it was found: in one string, or, since making
--         a long string costs more than a list, in two  nil: it is gone
-- Keeps: the key's expiry is not before the end of the idle time, and not after the session's own end.

local call, key = redis.call, KEYS[1]
local session = call('GET', key)
if not session or string.byte(session) ~= 2 then
  return false
end
local last_high, last_low, visits, over, kept, ends, customer = struct.unpack('>xI4I4I6xxxxxxI6I6I6c16', session)
local now = kept - call('PTTL', key)
if now >= over or not call('ZRANK', KEYS[2], customer) then
  call('DEL', key)
  return false
end
local high, low, idle, counted = struct.unpack('>I4I4I6B', ARGV[1])
if last_low == low and last_high == high then
  return { string.sub(session, 2, 27), session }
end
over = now + idle
if over > ends then
  over = ends
end
local head = struct.pack('>I4I4I6I6I6', high, low, visits + counted, now, over)
if over <= kept then
  call('SETRANGE', key, '1', head)
else
  kept = math.min(over + math.floor(idle / 16), ends)
  call('SETRANGE', key, '1', head .. struct.pack('>I6', kept))
  call('PEXPIREAT', key, string.format('%.0f', kept)) -- last: it removes the key where that moment has come meanwhile
end
return #session < 300 and head .. session or { head, session }
