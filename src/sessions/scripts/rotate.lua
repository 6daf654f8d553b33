#!lua
-- rotate: the session gets another name, by which alone it is found from now on.
-- KEYS  1 session  2 the bucket's customers  3 session under its new name  4 the customer's sessions
-- ARGV  1 idle time in ms  2 attempt  3 the hash that names it  4 the hash that will name it
-- Replies {'done', now, session}  {'gone'}
-- Keeps: one name at a time; the list has it.
--@include session

local now = now_ms()
local done = session_live(KEYS[3], now)
if done and string.sub(done, 2, 9) == ARGV[2] then
  return { 'done', now, done }
end
local session = session_find(KEYS[1], KEYS[2], now)
if not session then
  return { 'gone' }
end
local list = redis.call('GET', KEYS[4]) or ''
local kept = {}
for at = 1, #list, 22 do
  if string.sub(list, at, at + 15) ~= ARGV[3] then
    kept[#kept + 1] = string.sub(list, at, at + 21)
  end
end
kept[#kept + 1] = ARGV[4] .. string.sub(session, 34, 39)
redis.call('DEL', KEYS[1])
sessions_keep(KEYS[4], table.concat(kept))
session = session_keep(KEYS[3], session, now, session_visits(session), ARGV[2], tonumber(ARGV[1]))
return { 'done', now, session }
