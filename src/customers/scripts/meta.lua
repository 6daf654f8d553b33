#!lua
-- meta: what the data were made with, written once at the first boot and read at every boot.
-- KEYS  1 meta
-- ARGV  1 schema  2 number of buckets  3 salt  4 epoch
-- Replies {schema, buckets, salt, epoch, fence, restore} as they are stored, '' for one that is missing

if redis.call('HLEN', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'schema', ARGV[1], 'buckets', ARGV[2], 'salt', ARGV[3], 'epoch', ARGV[4])
end
local meta = {}
for i, field in ipairs({ 'schema', 'buckets', 'salt', 'epoch', 'fence', 'restore' }) do
  meta[i] = redis.call('HGET', KEYS[1], field) or ''
end
return meta
