#!lua flags=allow-oom
-- release: gives a claim up that has lost its backing.
-- KEYS  1 claims
-- ARGV  1 eh  2 claim
-- Replies {'released'}  {'gone'}: it is another's by now, or free  {'closed'}
-- Keeps: only exactly this claim goes; a later claim of the same customer has another number.
--@include fence

local ended = fence_closed()
if ended then
  return ended
end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return { 'gone' }
end
redis.call('HDEL', KEYS[1], ARGV[1])
return { 'released' }
