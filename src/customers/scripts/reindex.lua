#!lua flags=allow-oom
-- reindex: makes a customer's index entry agree with its record. Nothing to do unless data were lost from outside.
-- KEYS  1 record  2 index
-- ARGV  1 id
-- Replies {'added'}  {'removed'}  {'right'}  {'closed'}
-- Keeps: a record is listed exactly while it lives (I3).
--@include fence

local ended = fence_closed()
if ended then
  return ended
end
local live = redis.call('STRLEN', KEYS[1]) > 0
local listed = redis.call('ZSCORE', KEYS[2], ARGV[1])
if live and not listed then
  redis.call('ZADD', KEYS[2], 0, ARGV[1])
  return { 'added' }
end
if listed and not live then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return { 'removed' }
end
return { 'right' }
