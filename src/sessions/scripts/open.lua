#!lua
-- open: a new session of a customer. Where the customer has as many as may be, the oldest ends.
-- KEYS  1 session  2 the bucket's customers  3 the customer's sessions  then the sessions of that list, in its order
-- ARGV  1 idle time in ms  2 longest time in ms  3 the list that the keys were taken from  4 how many there may be
--       5 customer's id  6 session's id  7 where from  8 attributes  9 the hash that names the session: nobody else's
-- Replies {'done', now, session, how many ended for it}  {'missing'}: no such customer  {'changed'}: the list is another now
-- Keeps: at most so many sessions of a customer; each of them is in the list; every key has an expiry.
--@include session

local now = now_ms()
local present = session_live(KEYS[1], now)
if present then
  return { 'done', now, present, 0 }
end
if not redis.call('ZSCORE', KEYS[2], ARGV[5]) then
  return { 'missing' }
end
local list = redis.call('GET', KEYS[3]) or ''
if list ~= ARGV[3] then
  return { 'changed' }
end

local live = {}
for i = 4, #KEYS do
  if session_counts(redis.call('GET', KEYS[i]), now) then
    live[#live + 1] = i
  end
end
local ended = math.max(0, #live - ARGV[4] + 1)
local kept = {}
for n, i in ipairs(live) do
  if n <= ended then
    redis.call('DEL', KEYS[i])
  else
    local at = (i - 4) * 22
    kept[#kept + 1] = string.sub(list, at + 1, at + 22)
  end
end
local ends = struct.pack('>I6', now + ARGV[2])
kept[#kept + 1] = ARGV[9] .. ends
sessions_keep(KEYS[3], table.concat(kept))
local session = struct.pack('>BI4I4I6I6I6I6', 2, 0, 0, 0, now, now, now) .. ends .. ARGV[5] .. ARGV[6] ..
  struct.pack('>I6I6I2', now, now, #ARGV[7]) .. ARGV[7] .. struct.pack('>I2', #ARGV[8]) .. ARGV[8]
session = session_keep(KEYS[1], session, now, tonumber(ARGV[1]))
return { 'done', now, session, ended }
