#!lua
-- touch: S3 says that the entry is as it was; it lives on as if it had been stored now.
-- KEYS  1 entry  2 lease
-- ARGV  1 token  2 life in ms  3 all before the entry's body, as the caller has it
-- Replies {'kept'}  {'lost'}: the lease is gone, or the entry is another one or was evicted

if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return { 'lost' }
end
redis.call('DEL', KEYS[2])
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[3] - 1) ~= ARGV[3] then
  return { 'lost' }
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'kept' }
