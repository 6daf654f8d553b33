-- The record: one string. Numbers are big-endian.
--   byte 1      format, 1
--   2-7         version
--   8-13        updated, milliseconds since 1970
--   14-19       en: the claim number under which the e-mail is held, 0 without e-mail
--   20-25       bn: the highest claim number ever begun
--   26-41       eh: the e-mail's hash, only when en > 0
--   then        the body, which scripts never look into
-- A claim is id (16 bytes) and claim number (6); a release is eh (16) and a claim.

local function damaged(what)
  return redis.error_reply('WRONGTYPE damaged ' .. what)
end

local function record_parse(text)
  if #text < 25 or string.byte(text, 1) ~= 1 then
    return nil
  end
  local r = {}
  r.version, r.updated, r.en, r.bn = struct.unpack('>I6I6I6I6', string.sub(text, 2, 25))
  local body_at = 26
  r.eh = ''
  if r.en > 0 then
    if #text < 41 then
      return nil
    end
    r.eh = string.sub(text, 26, 41)
    body_at = 42
  end
  r.body = string.sub(text, body_at)
  return r
end

local function record_build(r)
  local eh = ''
  if r.en > 0 then
    eh = r.eh
  end
  return struct.pack('>BI6I6I6I6', 1, r.version, r.updated, r.en, r.bn) .. eh .. r.body
end

local function claim_build(id, n)
  return id .. struct.pack('>I6', n)
end
