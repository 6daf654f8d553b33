#!lua flags=no-writes
-- inspect: a record, its pending e-mail change and a marker as they stand at one instant. Whether a claim has backing
-- must not be judged from two reads: a commit between them would hide it.
-- KEYS  1 record  2 intents  3 marker (may be left out)
-- ARGV  1 id
-- Replies {record, intent, marker}, '' for what is absent

local marker = KEYS[3] and redis.call('GET', KEYS[3])
return { redis.call('GET', KEYS[1]) or '', redis.call('HGET', KEYS[2], ARGV[1]) or '', marker or '' }
