#!lua flags=allow-oom
-- fence: a write begins. An object's entry is put aside, others go; nothing is kept while the fence is there, and what was asked of S3 before is
-- not kept either.
-- KEYS  1 entry  2 lease  3 spare
-- ARGV  1 token  2 the write's time in ms  3 how many writes a fence may list
-- Replies {'done'}
-- Keeps: a fence lists each write that has not been settled nor ended, or says that it does not. What is spare is what the fence of one write alone replaced.
--@include fence

redis.call('DEL', KEYS[2])
local now = fence_now()
local ends = now + ARGV[2]
local own = ARGV[1] .. struct.pack('>I6', ends)
local fence = { mark = '0', unlisted = 0, others = '', own = '' }
local kind = redis.call('GETRANGE', KEYS[1], 0, 0)
if kind == 'O' and redis.call('PTTL', KEYS[1]) >= 0 then
  redis.call('RENAME', KEYS[1], KEYS[3])
elseif kind ~= 'F' then
  redis.call('DEL', KEYS[3])
else
  fence = fence_read(KEYS[1], ARGV[1], now)
  if fence.own == '' then
    redis.call('DEL', KEYS[3])
    fence.mark = (fence.others ~= '' or fence.unlisted > 0) and '1' or '0'
  else
    own = fence.own
  end
end
if #fence.others >= 14 * ARGV[3] then
  fence.unlisted = math.max(fence.unlisted, ends)
  own = ''
end
fence_write(KEYS[1], fence.mark, fence.unlisted, fence.others .. own, now)
return { 'done' }
