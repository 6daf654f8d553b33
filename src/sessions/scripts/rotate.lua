#!lua
-- rotate: the session gets another name, by which alone it is found from now on.
-- KEYS  1 session  2 the bucket's customers  3 session under its new name  4 the customer's sessions
-- ARGV  1 idle time in ms  2 the hash that names it  3 the hash that will name it: nobody else's
-- Replies {'done', now, session}  {'gone'}
-- Keeps: one name at a time; the list has it, in the session's place.
--@include session

local now = now_ms()
local done = session_live(KEYS[3], now)
if done then
  return { 'done', now, done }
end
local session = session_find(KEYS[1], KEYS[2], now)
if not session then
  return { 'gone' }
end
local list = redis.call('GET', KEYS[4]) or ''
local at = 1
while at <= #list and string.sub(list, at, at + 15) ~= ARGV[2] do
  at = at + 22
end
list = string.sub(list, 1, at - 1) .. ARGV[3] .. string.sub(session, 34, 39) .. string.sub(list, at + 22)
redis.call('DEL', KEYS[1])
sessions_keep(KEYS[4], list)
session = session_keep(KEYS[3], session, now, tonumber(ARGV[1]))
return { 'done', now, session }
