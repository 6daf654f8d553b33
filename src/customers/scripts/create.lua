#!lua
-- create: a new customer, in one step: record, unique e-mail, listing index and marker.
-- KEYS  1 marker  2 record  3 index  4 claims (only with an e-mail)
-- ARGV  1 fingerprint  2 attempt  3 marker's life in s  4 body kept in the marker: '1' or '0'  5 id  6 now, ms
--       7 body  8 claim number  9 eh ('' without e-mail)  10 the claim that may be taken over ('' none)
-- Replies {'done', version, updated, ''}  {'replay', marker}  {'mismatch'}  {'exists'}  {'taken', claim}
--         {'closed'}
-- Keeps: no two live records with one eh (I1); a live record's claim names it (I2); record and index entry go together
-- (I3); one effect per operation id (I5).
--@include record
--@include marker
--@include fence

local fingerprint, attempt, id, eh = ARGV[1], ARGV[2], ARGV[5], ARGV[9]
local now, n = tonumber(ARGV[6]), tonumber(ARGV[8])

local finished = marker_check(KEYS[1], fingerprint, attempt) or fence_closed()
if finished then
  return finished
end
if redis.call('STRLEN', KEYS[2]) > 0 or redis.call('ZSCORE', KEYS[3], id) then
  return { 'exists' }
end
if eh ~= '' then
  local claim = redis.call('HGET', KEYS[4], eh)
  if claim and claim ~= ARGV[10] then
    return { 'taken', claim }
  end
end

local record = { version = 1, updated = now, en = 0, bn = n - 1, eh = eh, body = ARGV[7] }
if eh ~= '' then
  record.en, record.bn = n, n
  redis.call('HSET', KEYS[4], eh, claim_build(id, n))
end
redis.call('SET', KEYS[2], record_build(record))
redis.call('ZADD', KEYS[3], 0, id)
marker_write(KEYS[1], ARGV[3], fingerprint, attempt, id, 1, now, ARGV[4] == '1' and ARGV[7] or '')
return { 'done', 1, now, '' }
