#!lua flags=allow-oom
-- release: S3 did not answer. The lease ends, or is held a little longer by nobody: then others serve the old entry and ask S3 later.
-- KEYS  1 lease
-- ARGV  1 token  2 how long in ms; '0': it ends
-- Replies {'done'}

if redis.call('GET', KEYS[1]) == ARGV[1] then
  if ARGV[2] == '0' then
    redis.call('DEL', KEYS[1])
  else
    redis.call('SET', KEYS[1], '-', 'PX', ARGV[2])
  end
end
return { 'done' }
