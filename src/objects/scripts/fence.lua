#!lua flags=allow-oom
-- fence: a write begins. The entry goes, nothing is kept while the fence is there, and what was asked of S3 before is not kept either.
-- KEYS  1 entry  2 lease
-- ARGV  1 token  2 the fence's time in ms  3 how many tokens it may list
-- Replies {'done'}
-- Keeps: a fence lists each write that has not been settled, or says that it does not.
--@include fence

redis.call('DEL', KEYS[2])
local fence = 'F0' .. ARGV[1]
if redis.call('GETRANGE', KEYS[1], 0, 0) == 'F' then
  local present = redis.call('GET', KEYS[1])
  local mark = string.sub(present, 2, 2) == '2' and '2' or '1'
  if fence_find(present, ARGV[1]) then
    fence = present
  elseif #present >= 2 + 8 * ARGV[3] then
    fence = 'F2' .. string.sub(present, 3)
  else
    fence = 'F' .. mark .. string.sub(present, 3) .. ARGV[1]
  end
end
redis.call('SET', KEYS[1], fence, 'PX', ARGV[2])
return { 'done' }
