#!lua
-- fill: what S3 answered is kept, unless the lease is gone: then a write or an event has come since, or it took too long.
-- KEYS  1 entry  2 lease
-- ARGV  1 token  2 life in ms; '0': nothing is to be kept  3 all before the body  4 body
-- Replies {'kept'}  {'lost'}
-- Keeps: what is stored was asked for after the last write began to be fenced.

if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return { 'lost' }
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3] .. ARGV[4], 'PX', ARGV[2])
end
redis.call('DEL', KEYS[2])
return { 'kept' }
