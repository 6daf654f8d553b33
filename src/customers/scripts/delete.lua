#!lua flags=allow-oom
-- delete: the customer goes, with its index entry and its pending e-mail change; its claims are listed for release.
-- KEYS  1 marker  2 record  3 index  4 releases  5 intents
-- ARGV  1 fingerprint  2 attempt  3 marker's life in s  4 id  5 If-Match  6 If-None-Match
-- Replies {'done', version, updated, release}  {'replay', marker}  {'mismatch'}  {'missing'}  {'precondition', version}
--         {'closed'}
-- Keeps: record, index entry and intent go together (I3, I6); every claim that lost its record is listed (I7).
--@include record
--@include marker
--@include fence
--@include precondition

local fingerprint, attempt, id = ARGV[1], ARGV[2], ARGV[4]

local record, ended = record_find(KEYS[1], KEYS[2], fingerprint, attempt)
if ended then
  return ended
end
redis.call('ZSCORE', KEYS[3], id)
redis.call('SCARD', KEYS[4])
local intent = redis.call('HGET', KEYS[5], id)
ended = refusal(record.version, ARGV[5], ARGV[6], '')
if ended then
  return ended
end

local release = ''
if record.en > 0 then
  release = record.eh .. claim_build(id, record.en)
  redis.call('SADD', KEYS[4], release)
end
if intent then
  redis.call('SADD', KEYS[4], string.sub(intent, 7, 22) .. id .. string.sub(intent, 1, 6))
  redis.call('HDEL', KEYS[5], id)
end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[3], id)
marker_write(KEYS[1], ARGV[3], fingerprint, attempt, id, record.version, record.updated, '')
return { 'done', record.version, record.updated, release }
