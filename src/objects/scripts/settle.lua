#!lua flags=allow-oom
-- settle: it is known how a write ended. What it wrote is kept where it was the only one, and what was there before it comes back where S3 has done
-- nothing; else the last of them takes the fence away.
-- KEYS  1 entry  2 lease  3 spare
-- ARGV  1 token  2 life in ms; '0': nothing is to be kept; 'undone': S3 has done nothing  3 all before the body  4 body
-- Replies {'kept'}  {'restored'}  {'dropped'}: there is nothing now  {'fenced'}: others are not settled
-- Keeps: where the fence did not last, nothing is left that could have been asked of S3 before the write.
--@include fence

redis.call('DEL', KEYS[2])
if redis.call('GETRANGE', KEYS[1], 0, 0) ~= 'F' then
  redis.call('DEL', KEYS[1], KEYS[3])
  return { 'dropped' }
end
local now = fence_now()
local fence = fence_read(KEYS[1], ARGV[1], now)
if fence.others ~= '' or fence.unlisted > 0 then
  redis.call('DEL', KEYS[3])
  fence_write(KEYS[1], '1', fence.unlisted, fence.others, now)
  return { 'fenced' }
end
local alone = fence.own ~= '' and fence.mark == '0'
if alone and ARGV[2] == 'undone' and redis.call('PTTL', KEYS[3]) >= 0 then
  redis.call('RENAME', KEYS[3], KEYS[1])
  return { 'restored' }
end
redis.call('DEL', KEYS[3])
if alone and ARGV[2] ~= '0' and ARGV[2] ~= 'undone' then
  redis.call('SET', KEYS[1], ARGV[3] .. ARGV[4], 'PX', ARGV[2])
  return { 'kept' }
end
redis.call('DEL', KEYS[1])
return { 'dropped' }
