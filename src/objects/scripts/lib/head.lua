-- How much longer the entry lives and how much longer it is fresh, in ms; nothing when there is none, or it is a fence or of another format.
local function head_times(key, head)
  if #head < 14 or string.sub(head, 2, 2) ~= '\2' then
    return nil
  end
  local life, fresh = struct.unpack('>I6I6', head, 3)
  local left = redis.call('PTTL', key)
  return left, left - (life - fresh)
end
