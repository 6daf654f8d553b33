-- The marker: what an operation came to, kept under its operation id so that a repetition changes nothing.
--   1-16 fingerprint, 17-24 attempt (the HTTP request that did it), 25-40 id, 41-46 version, 47-52 updated, then the body

-- What to answer when the operation is already done, else nil.
local function marker_check(key, fingerprint, attempt)
  local marker = redis.call('GET', key)
  if not marker then
    return nil
  end
  if string.sub(marker, 1, 16) ~= fingerprint then
    return { 'mismatch' }
  end
  if string.sub(marker, 17, 24) == attempt then
    local version, updated = struct.unpack('>I6I6', string.sub(marker, 41, 52))
    return { 'done', version, updated, '' }
  end
  return { 'replay', marker }
end

local function marker_write(key, ttl_s, fingerprint, attempt, id, version, updated, body)
  local head = fingerprint .. attempt .. id .. struct.pack('>I6I6', version, updated)
  redis.call('SET', key, head .. body, 'EX', ttl_s)
end
