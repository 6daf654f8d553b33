-- The session: one string, whose key always carries an expiry. Numbers are big-endian.
--   byte 1      format, 1
--   2-17        the customer's id
--   18-33       the session's id
--   34-39       begun, milliseconds since 1970
--   40-45       seen
--   46-51       visits
--   52-57       ends: when it is over, however often it is seen
--   58-65       attempt: the HTTP request that changed it last
--   66-71       the cart's version
--   then        where from, and the attributes, each after its length (2); last the cart's items, each the SKU after its
--               length (1), quantity (4) and unit price (6)
-- A customer's sessions: one string of entries: the hash that names the session (16), ends (6).

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function text_of(number)
  return string.format('%.0f', number)
end

-- The session, or nil: it has ended, or its customer was deleted. A customer lives exactly while its bucket's index has it.
local function session_find(key, customers)
  local session = redis.call('GET', key)
  if not session then
    return nil
  end
  if redis.call('ZSCORE', customers, string.sub(session, 2, 17)) then
    return session
  end
  redis.call('DEL', key)
  return nil
end

-- The session and the time, for a step that changes it; else what the step replies: the session has ended, or this attempt has
-- changed it already.
local function session_take(key, customers, attempt)
  local session = session_find(key, customers)
  if not session then
    return nil, nil, { 'gone' }
  end
  local now = now_ms()
  if string.sub(session, 58, 65) == attempt then
    return nil, nil, { 'done', now, session }
  end
  return session, now, nil
end

-- Stores the session as seen now, with so many visits, by this attempt.
local function session_keep(key, session, now, visits, attempt, idle)
  local ends = struct.unpack('>I6', session, 52)
  session = string.sub(session, 1, 39) .. struct.pack('>I6I6', now, visits) .. string.sub(session, 52, 57) .. attempt ..
    string.sub(session, 66)
  redis.call('SET', key, session, 'PXAT', text_of(math.min(now + idle, ends)))
  return session
end

-- Where the attributes' length stands, and where the cart begins.
local function session_places(session)
  local attributes = 74 + struct.unpack('>I2', session, 72)
  return attributes, attributes + 2 + struct.unpack('>I2', session, attributes)
end

-- A list of a customer's sessions lives as long as the last of them may.
local function sessions_keep(key, list)
  local last = 0
  for at = 1, #list, 22 do
    last = math.max(last, struct.unpack('>I6', list, at + 16))
  end
  if last == 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, list, 'PXAT', text_of(last))
  end
end
