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
local fence = redis.call('GET', KEYS[1])
local at = fence_find(fence, ARGV[1])
local mark = string.sub(fence, 2, 2)
if not at then
  redis.call('DEL', KEYS[3])
  redis.call('SETRANGE', KEYS[1], 1, mark == '2' and '2' or '1')
  return { 'fenced' }
end
local others = string.sub(fence, 3, at - 1) .. string.sub(fence, at + 8)
if others ~= '' or mark == '2' then
  redis.call('DEL', KEYS[3])
  redis.call('SET', KEYS[1], 'F' .. (mark == '2' and '2' or '1') .. others, 'KEEPTTL')
  return { 'fenced' }
end
if mark == '0' and ARGV[2] == 'undone' and redis.call('PTTL', KEYS[3]) >= 0 then
  redis.call('RENAME', KEYS[3], KEYS[1])
  return { 'restored' }
end
redis.call('DEL', KEYS[3])
if mark == '0' and ARGV[2] ~= '0' and ARGV[2] ~= 'undone' then
  redis.call('SET', KEYS[1], ARGV[3] .. ARGV[4], 'PX', ARGV[2])
  return { 'kept' }
end
redis.call('DEL', KEYS[1])
return { 'dropped' }
