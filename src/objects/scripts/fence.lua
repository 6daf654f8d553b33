#!lua flags=allow-oom
-- fence: a write begins. An object's entry is put aside, others go; nothing is kept while the fence is there, and what was asked of S3 before is
-- not kept either.
-- KEYS  1 entry  2 lease  3 spare
-- ARGV  1 token  2 the fence's time in ms  3 how many tokens it may list
-- Replies {'done'}
-- Keeps: a fence lists each write that has not been settled, or says that it does not. What is spare is what the fence of one write alone replaced.
--@include fence

redis.call('DEL', KEYS[2])
local fence = 'F0' .. ARGV[1]
local kind = redis.call('GETRANGE', KEYS[1], 0, 0)
if kind == 'O' and redis.call('PTTL', KEYS[1]) >= 0 then
  redis.call('RENAME', KEYS[1], KEYS[3])
elseif kind ~= 'F' then
  redis.call('DEL', KEYS[3])
else
  local present = redis.call('GET', KEYS[1])
  local mark = string.sub(present, 2, 2) == '2' and '2' or '1'
  local listed = fence_find(present, ARGV[1])
  if not listed then
    redis.call('DEL', KEYS[3])
  end
  if listed then
    fence = present
  elseif #present >= 2 + 8 * ARGV[3] then
    fence = 'F2' .. string.sub(present, 3)
  else
    fence = 'F' .. mark .. string.sub(present, 3) .. ARGV[1]
  end
end
redis.call('SET', KEYS[1], fence, 'PX', ARGV[2])
return { 'done' }
