-- The fence: every step that changes anything is let in only under the pass of the latest restore ('' before the first), and
-- `customerd restore` changes the pass. So no step of a replica that does not know of it yet can slip in.
-- The last key is the bucket's fence, the last argument the pass. {'closed'} ends the step, nil lets it go on.
local function fence_closed()
  if (redis.call('GET', KEYS[#KEYS]) or '') ~= ARGV[#ARGV] then
    return { 'closed' }
  end
  return nil
end
