#!lua
-- replace: a new body for a customer whose e-mail stays as it is, or goes away.
-- KEYS  1 marker  2 record  3 releases
-- ARGV  1 fingerprint  2 attempt  3 marker's life in s  4 body kept in the marker: '1' or '0'  5 id  6 now, ms
--       7 body  8 eh ('' without e-mail)  9 If-Match  10 If-None-Match  11 the version that body was made from ('' any)
-- Replies {'done', version, updated, release}  {'replay', marker}  {'mismatch'}  {'missing'}  {'precondition', version}
--         {'conflict', version}  {'email'}: another e-mail, which takes begin, claim, commit
--         {'closed'}
-- Keeps: an e-mail that goes away is listed for release in the same step (I7); one effect per operation id (I5).
--@include record
--@include marker
--@include fence
--@include precondition

local fingerprint, attempt, id, eh = ARGV[1], ARGV[2], ARGV[5], ARGV[8]

local record, ended = record_find(KEYS[1], KEYS[2], fingerprint, attempt)
if ended then
  return ended
end
redis.call('SCARD', KEYS[3])
ended = refusal(record.version, ARGV[9], ARGV[10], ARGV[11])
if ended then
  return ended
end
if eh ~= '' and eh ~= record.eh then
  return { 'email' }
end

local release = ''
if eh == '' and record.en > 0 then
  release = record.eh .. claim_build(id, record.en)
  redis.call('SADD', KEYS[3], release)
  record.en = 0
end
record.version = record.version + 1
record.updated = math.max(record.updated, tonumber(ARGV[6]))
record.body = ARGV[7]
redis.call('SET', KEYS[2], record_build(record))
marker_write(KEYS[1], ARGV[3], fingerprint, attempt, id, record.version, record.updated,
  ARGV[4] == '1' and ARGV[7] or '')
return { 'done', record.version, record.updated, release }
