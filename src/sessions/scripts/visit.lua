#!lua
-- visit: a session is seen, and perhaps visited; it is idle from now on only.
-- KEYS  1 session  2 the bucket's customers
-- ARGV  1 idle time in ms  2 attempt  3 visits that this counts as: '1' or '0'
-- Replies {'done', now, session}  {'gone'}
-- Keeps: a key with its expiry, at the end of the idle time or the session's own end, whichever comes first.
--@include session

local session = session_find(KEYS[1], KEYS[2])
if not session then
  return { 'gone' }
end
local now = now_ms()
if string.sub(session, 58, 65) ~= ARGV[2] then
  local visits = struct.unpack('>I6', session, 46) + ARGV[3]
  session = session_keep(KEYS[1], session, now, visits, ARGV[2], tonumber(ARGV[1]))
end
return { 'done', now, session }
