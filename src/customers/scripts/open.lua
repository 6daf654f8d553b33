#!lua
-- open: binds an Idempotency-Key to its first body, so that another body is noticed wherever it would be stored.
-- A guard against misuse and against twins that run at once; that there is one effect rests on the marker alone.
-- KEYS  1 opened key
-- ARGV  1 fingerprint  2 attempt  3 life in s  4 how long the request may run, ms (0: it has ended)
-- The value is fingerprint (16 bytes), attempt (8), end of the lease in ms (6).
-- Each opening begins its life anew: it must not end before that of the marker that the request may leave.
-- Replies {'opened'}  {'mismatch'}  {'running', ms left}  {'closed'}
--@include fence

local ended = fence_closed()
if ended then
  return ended
end
local value = redis.call('GET', KEYS[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local opened = ARGV[1] .. ARGV[2] .. struct.pack('>I6', now + tonumber(ARGV[4]))
if value then
  if string.sub(value, 1, 16) ~= ARGV[1] then
    return { 'mismatch' }
  end
  local left = struct.unpack('>I6', string.sub(value, 25, 30)) - now
  if string.sub(value, 17, 24) ~= ARGV[2] and left > 0 then
    return { 'running', left }
  end
end
redis.call('SET', KEYS[1], opened, 'EX', ARGV[3])
return { 'opened' }
