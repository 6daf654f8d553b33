#!lua flags=allow-oom
-- finish: a session ends. Its entry in the customer's list is dropped by the next step that has the list.
-- KEYS  1 session  2 the bucket's customers
-- Replies {'done', now, session}: as it was  {'gone'}
--@include session

local now = now_ms()
local session = session_find(KEYS[1], KEYS[2], now)
if not session then
  return { 'gone' }
end
redis.call('DEL', KEYS[1])
return { 'done', now, session }
