-- The session: one string, whose key always carries an expiry. Numbers are big-endian. First what a visit changes, so that it
-- writes these bytes alone.
--   byte 1      format, 2
--   2-9         attempt: the HTTP request that visited it last
--   10-15       visits
--   16-21       seen, milliseconds since 1970
--   22-27       over: when it ends if it is not seen again
--   28-33       kept: when its key expires
--   34-39       ends: when it is over, however often it is seen
--   40-55       the customer's id
--   56-71       the session's id
--   72-77       begun
--   78-83       the cart's version: when the session began, in milliseconds, and one more for each change. So no cart that the
--               same browser sees afterwards has this one's entity tag.
--   then        where from, and the attributes, each after its length (2); last the cart's items, each the SKU after its
--               length (1), quantity (4) and unit price (6)
-- seen < over <= kept <= ends. A key is kept a sixteenth of the idle time longer than need be, so that most visits need not
-- move its expiry; who reads a session asks whether it is over.
-- A customer's sessions: one string of entries: the hash that names the session (16), ends (6).
-- A change's marker: a string that is there for a while after the change was made.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function text_of(number)
  return string.format('%.0f', number)
end

-- What another version of the service keeps in another format is that version's.
local function session_is_known(session)
  return session and string.byte(session) == 2
end

local function session_is_over(session, now)
  return now >= struct.unpack('>I6', session, 22)
end

-- The session, or nil: it is over.
local function session_live(key, now)
  local session = redis.call('GET', key)
  return session_is_known(session) and not session_is_over(session, now) and session or nil
end

-- Whether it counts among its customer's: of another version's it is not known whether it is over.
local function session_counts(session, now)
  return session and not (session_is_known(session) and session_is_over(session, now))
end

-- The session, or nil: it is over, or its customer was deleted. A customer lives exactly while its bucket's index has it.
local function session_find(key, customers, now)
  local session = redis.call('GET', key)
  if not session_is_known(session) then
    return nil
  end
  if session_is_over(session, now) or not redis.call('ZSCORE', customers, string.sub(session, 40, 55)) then
    redis.call('DEL', key)
    return nil
  end
  return session
end

-- The session and the time, for a step that changes it; else what the step replies: the session has ended, or this change was
-- made already.
local function session_take(key, customers, marker)
  local now = now_ms()
  local session = session_find(key, customers, now)
  if not session then
    return nil, nil, { 'gone' }
  end
  if redis.call('STRLEN', marker) > 0 then
    return nil, nil, { 'done', now, session }
  end
  return session, now, nil
end

-- Stores the session as seen now.
local function session_keep(key, session, now, idle)
  local ends = struct.unpack('>I6', session, 34)
  local over = math.min(now + idle, ends)
  local kept = math.min(over + math.floor(idle / 16), ends)
  session = string.sub(session, 1, 15) .. struct.pack('>I6I6I6', now, over, kept) .. string.sub(session, 34)
  redis.call('SET', key, session, 'PXAT', text_of(kept))
  return session
end

-- Stores the session as a change has made it, and that the change was made: it is known for so many milliseconds.
local function session_change(key, session, now, idle, marker, known)
  redis.call('SET', marker, '1', 'PX', known)
  return session_keep(key, session, now, idle)
end

-- Where the attributes' length stands, and where the cart begins.
local function session_places(session)
  local attributes = 86 + struct.unpack('>I2', session, 84)
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
