#!lua
-- lease: says what somebody is to do who found nothing fresh; one of them at a time asks S3.
-- KEYS  1 entry  2 lease
-- ARGV  1 token  2 the lease's time in ms
-- Replies {'entry', entry, time left}: it is fresh by now  {'bypass'}: it is being written, and nothing is to be kept
--         {'wait', 1 or 0}: somebody else asks S3; whether there is an old entry meanwhile  {'go'}: the lease is the caller's
-- Keeps: a lease belongs to one token.
--@include head

local head = redis.call('GETRANGE', KEYS[1], 0, 13)
if string.sub(head, 1, 1) == 'F' then
  return { 'bypass' }
end
local left, fresh_left = head_times(KEYS[1], head)
if left and fresh_left > 0 then
  return { 'entry', redis.call('GET', KEYS[1]), left }
end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  return { 'wait', left and 1 or 0 }
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return { 'go' }
