#!lua flags=allow-oom
-- abort: rolls a begun e-mail change back: its own request at any time ('own'), anybody after its deadline ('fence').
-- KEYS  1 intents  2 releases
-- ARGV  1 id  2 claim number  3 'own' or 'fence'
-- Replies {'aborted', release}  {'gone'}: committed, or aborted before  {'live', ms left}  {'closed'}
-- Keeps: a claim number that was aborted never comes back; its claim is listed for release (I7).
--@include fence

local ended = fence_closed()
if ended then
  return ended
end
local intent = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('SCARD', KEYS[2])
if not intent or struct.unpack('>I6', string.sub(intent, 1, 6)) ~= tonumber(ARGV[2]) then
  return { 'gone' }
end
if ARGV[3] == 'fence' then
  local time = redis.call('TIME')
  local left = struct.unpack('>I6', string.sub(intent, 23, 28)) - tonumber(time[1]) * 1000
    - math.floor(tonumber(time[2]) / 1000)
  if left > 0 then
    return { 'live', left }
  end
end

local release = string.sub(intent, 7, 22) .. ARGV[1] .. string.sub(intent, 1, 6)
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[2], release)
return { 'aborted', release }
