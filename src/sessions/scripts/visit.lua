#!lua
-- visit: a session is seen, and perhaps visited; it is idle from now on only. The one step that most requests are, so it is
-- written out: it does what session_find and session_keep do (lib/session.lua), and replies with no more than it has to.
-- KEYS  1 session  2 the bucket's customers
-- ARGV  1 idle time in ms  2 attempt  3 visits that this counts as: '1' or '0'
-- Replies the session, which was seen now  nil: it is gone
-- Keeps: a key with its expiry, at the end of the idle time or the session's own end, whichever comes first.

local session = redis.call('GET', KEYS[1])
if not session then
  return false
end
if not redis.call('ZSCORE', KEYS[2], string.sub(session, 2, 17)) then
  redis.call('DEL', KEYS[1])
  return false
end
if string.sub(session, 58, 65) ~= ARGV[2] then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local visits, ends = struct.unpack('>I6I6', session, 46)
  session = string.sub(session, 1, 39) .. struct.pack('>I6I6', now, visits + ARGV[3]) .. string.sub(session, 52, 57) ..
    ARGV[2] .. string.sub(session, 66)
  redis.call('SET', KEYS[1], session, 'PXAT', string.format('%.0f', math.min(now + ARGV[1], ends)))
end
return session
