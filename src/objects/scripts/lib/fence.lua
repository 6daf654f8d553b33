-- A fence is 'F', a mark, the end of the writes that are not listed (6 bytes), and the writes that have not been settled: the token of each (8) and its
-- end (6). The mark is '0' while there has been one write alone, '1' when what S3 has is not known though all are settled. An end is the time in ms, by
-- this server's clock, at which S3 has done the write or never will; 0: none. The key ends with the last of them.
local function fence_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What has not ended: unlisted (an end, or 0), others (writes, as bytes) and own, which is token's or ''. A fence that another version of the service
-- made is of writes that are not listed: its length is another one, or its ends make no sense, since none is later than the key's.
local function fence_read(key, token, now)
  local bytes = redis.call('GET', key)
  local left = redis.call('PTTL', key)
  local foreign = { mark = '1', unlisted = left > 0 and now + left or 0, others = '', own = '' }
  if #bytes < 8 or (#bytes - 8) % 14 ~= 0 then
    return foreign
  end
  local fence = { mark = string.sub(bytes, 2, 2), unlisted = 0, others = '', own = '' }
  local last = left > 0 and now + left + 1000 or math.huge
  for at = 3, #bytes, 14 do -- token and end, but for the first, which is an end alone
    local ends = struct.unpack('>I6', bytes, at)
    local write = string.sub(bytes, at - 8, at + 5)
    if ends > last then
      return foreign
    elseif ends > now and at == 3 then
      fence.unlisted = ends
    elseif ends > now and string.sub(write, 1, 8) == token then
      fence.own = write
    elseif ends > now then
      fence.others = fence.others .. write
    end
  end
  return fence
end

local function fence_write(key, mark, unlisted, writes, now)
  local last = unlisted
  for at = 9, #writes, 14 do
    last = math.max(last, (struct.unpack('>I6', writes, at)))
  end
  redis.call('SET', key, 'F' .. mark .. struct.pack('>I6', unlisted) .. writes, 'PX', last - now)
end
