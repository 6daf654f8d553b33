#!lua flags=allow-oom
-- drop: S3 says that the object was changed, by whomever; or somebody could not read what is there. What is not the object as S3 says goes, and
-- what was asked of S3 before is not kept.
-- KEYS  1 entry  2 lease  3 spare
-- ARGV  1 the object's ETag with its quotes; '': not told
-- Replies {'dropped'}  {'none'}: there was nothing  {'same'}: it is what is told  {'fenced'}: it is being written
-- Keeps: an event brings no content, so one that comes late, or twice, costs one more question to S3 and no more.

redis.call('DEL', KEYS[2], KEYS[3])
local kind = redis.pcall('GETRANGE', KEYS[1], 0, 0)
if type(kind) == 'table' then -- no string, so nobody of ours made it
  redis.call('DEL', KEYS[1])
  return { 'dropped' }
end
if kind == 'F' and redis.call('PTTL', KEYS[1]) >= 0 then -- nor one that never ends
  if redis.call('GETRANGE', KEYS[1], 1, 1) == '0' then
    redis.call('SETRANGE', KEYS[1], 1, '1')
  end
  return { 'fenced' }
end
if kind == '' then
  return { 'none' }
end
if kind == 'O' and ARGV[1] ~= '' then
  local etag = struct.pack('>BI2', 0, #ARGV[1]) .. ARGV[1]
  if redis.call('GETRANGE', KEYS[1], 20, 19 + #etag) == etag then
    return { 'same' }
  end
end
redis.call('DEL', KEYS[1])
return { 'dropped' }
