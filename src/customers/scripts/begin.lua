#!lua
-- begin: first step of an e-mail change: reserves a claim number for it. Nothing is visible to clients yet.
-- KEYS  1 marker  2 record  3 intents  4 releases
-- ARGV  1 fingerprint  2 attempt  3 id  4 new eh  5 first claim number of the epoch  6 how long it may take, ms
--       7 If-Match  8 If-None-Match  9 the version that the change was made from ('' any)  10 operation id
-- An intent is claim number (6 bytes), eh (16), deadline in ms (6), attempt (8), operation id (16).
-- Replies {'begun', n}  {'replay', marker}  {'done', ...}  {'mismatch'}  {'missing'}  {'precondition', version}
--         {'conflict', version}  {'same'}: it has this e-mail already  {'busy', ms left}: another change
--         {'running', ms left}: the same operation, by another request
--         {'closed'}
-- Keeps: a claim number is used once (the permanence lemma); a fenced intent's claim is listed for release (I7).
-- The deadline decides only when others may fence; safety rests on the claim number alone.
--@include record
--@include marker
--@include fence
--@include precondition

local attempt, id, eh = ARGV[2], ARGV[3], ARGV[4]

local record, ended = record_find(KEYS[1], KEYS[2], ARGV[1], attempt)
if ended then
  return ended
end
redis.call('SCARD', KEYS[4])
local intent = redis.call('HGET', KEYS[3], id)
ended = refusal(record.version, ARGV[7], ARGV[8], ARGV[9])
if ended then
  return ended
end
if record.eh == eh then
  return { 'same' }
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if intent then
  local n, deadline = struct.unpack('>I6', string.sub(intent, 1, 6)), struct.unpack('>I6', string.sub(intent, 23, 28))
  if string.sub(intent, 29, 36) == attempt then
    return { 'begun', n }
  end
  if deadline > now then
    return { string.sub(intent, 37, 52) == ARGV[10] and 'running' or 'busy', deadline - now }
  end
  redis.call('SADD', KEYS[4], string.sub(intent, 7, 22) .. id .. string.sub(intent, 1, 6))
end

record.bn = math.max(record.bn + 1, tonumber(ARGV[5]))
redis.call('SET', KEYS[2], record_build(record))
redis.call('HSET', KEYS[3], id,
  struct.pack('>I6', record.bn) .. eh .. struct.pack('>I6', now + tonumber(ARGV[6])) .. attempt .. ARGV[10])
return { 'begun', record.bn }
