#!lua
-- commit: third step of an e-mail change, and its only commit point.
-- KEYS  1 marker  2 record  3 intents  4 releases
-- ARGV  1 fingerprint  2 attempt  3 marker's life in s  4 body kept in the marker: '1' or '0'  5 id  6 now, ms
--       7 body  8 claim number  9 If-Match  10 If-None-Match  11 the version that body was made from ('' any)
-- Replies {'done', version, updated, release}  {'replay', marker}  {'mismatch'}  {'missing'}  {'precondition', version}
--         {'conflict', version}  {'fenced'}: the intent was rolled back by somebody
--         {'closed'}
-- Keeps: passes only while its own claim number is pending, so the claim made under it still stands (I1, I2); the old
-- claim is listed for release in the same step (I7).
--@include record
--@include marker
--@include fence
--@include precondition

local fingerprint, attempt, id, n = ARGV[1], ARGV[2], ARGV[5], tonumber(ARGV[8])

local record, ended = record_find(KEYS[1], KEYS[2], fingerprint, attempt)
if ended then
  return ended
end
redis.call('SCARD', KEYS[4])
local intent = redis.call('HGET', KEYS[3], id)
if not intent or struct.unpack('>I6', string.sub(intent, 1, 6)) ~= n then
  return { 'fenced' }
end
ended = refusal(record.version, ARGV[9], ARGV[10], ARGV[11])
if ended then
  return ended
end

local release = ''
if record.en > 0 then
  release = record.eh .. claim_build(id, record.en)
  redis.call('SADD', KEYS[4], release)
end
record.en, record.eh = n, string.sub(intent, 7, 22)
record.version = record.version + 1
record.updated = math.max(record.updated, tonumber(ARGV[6]))
record.body = ARGV[7]
redis.call('SET', KEYS[2], record_build(record))
redis.call('HDEL', KEYS[3], id)
marker_write(KEYS[1], ARGV[3], fingerprint, attempt, id, record.version, record.updated,
  ARGV[4] == '1' and ARGV[7] or '')
return { 'done', record.version, record.updated, release }
