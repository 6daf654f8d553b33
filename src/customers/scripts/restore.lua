#!lua flags=allow-oom
-- restore: begins or ends a restore: the meta key's epoch and pass change, and whether it runs.
-- KEYS  1 meta
-- ARGV  1 the pass as it was read  2 '1' when a restore ran, else ''  3 epoch  4 pass  5 '1': it runs from now on, '': it ended
-- Replies {'done'}  {'conflict'}: the meta key is another than the one that was read
-- Keeps: while a restore runs no replica boots; the pass is what the fences of all buckets are compared with.

if (redis.call('HGET', KEYS[1], 'fence') or '') ~= ARGV[1] or (redis.call('HGET', KEYS[1], 'restore') or '') ~= ARGV[2] then
  return { 'conflict' }
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'fence', ARGV[4], 'restore', ARGV[5])
return { 'done' }
