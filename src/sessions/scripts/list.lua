#!lua flags=allow-oom
-- list: a customer's sessions, or the end of all of them.
-- KEYS  1 the bucket's customers  2 the customer's sessions  then the sessions of that list, in its order
-- ARGV  1 customer's id  2 the list that the keys were taken from  3 'list' or 'end'
-- Replies {'done', now, session...}: those that live, or lived  {'missing'}: no such customer  {'changed'}: the list is another now
-- Keeps: the list has no session that has ended.
--@include session

if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return { 'missing' }
end
local list = redis.call('GET', KEYS[2]) or ''
if list ~= ARGV[2] then
  return { 'changed' }
end
local now = now_ms()
local reply, kept = { 'done', now }, {}
for i = 3, #KEYS do
  local session = redis.call('GET', KEYS[i])
  if session_counts(session, now) then
    kept[#kept + 1] = string.sub(list, (i - 3) * 22 + 1, (i - 2) * 22)
    if session_is_known(session) then
      reply[#reply + 1] = session
    end
  end
end
if ARGV[3] == 'end' then
  for i = 3, #KEYS do
    redis.call('DEL', KEYS[i])
  end
  kept = {}
end
local text = table.concat(kept)
if text ~= list then
  sessions_keep(KEYS[2], text)
end
return reply
