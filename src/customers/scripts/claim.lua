#!lua
-- claim: second step of an e-mail change: takes the new e-mail, in the e-mail's own bucket.
-- KEYS  1 claims
-- ARGV  1 eh  2 id  3 claim number  4 the claim that may be taken over ('' none)
-- Replies {'claimed'}  {'stale'}: the same customer claimed it later  {'taken', claim}  {'closed'}
-- Keeps: a claim changes only to a later one of its own customer, or from one that was seen to be without backing.
--@include record
--@include fence

local ended = fence_closed()
if ended then
  return ended
end
local claim = redis.call('HGET', KEYS[1], ARGV[1])
local n = tonumber(ARGV[3])
if claim and claim ~= ARGV[4] then
  if string.sub(claim, 1, 16) ~= ARGV[2] then
    return { 'taken', claim }
  end
  if struct.unpack('>I6', string.sub(claim, 17, 22)) > n then
    return { 'stale' }
  end
end
redis.call('HSET', KEYS[1], ARGV[1], claim_build(ARGV[2], n))
return { 'claimed' }
