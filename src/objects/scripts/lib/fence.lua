-- A fence is 'F', a mark, the end of the writes that are not listed (6 bytes), and the writes that have not been settled: the token of each (8) and its
-- end (6). The mark is '0' while there has been one write alone, '1' when what S3 has is not known though all are settled. An end is the time in ms, by
-- this server's clock, at which S3 has done the write or never will; 0: none. The key ends with the last of them.
local function fence_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What has not ended: unlisted (an end, or 0), others (writes, as bytes) and own, which is token's or ''. A fence that another version of the service
-- made is of writes that are not listed.
local function fence_read(key, token, now)
  local bytes = redis.call('GET', key)
  local fence = { mark = string.sub(bytes, 2, 2), unlisted = 0, others = '', own = '' }
  if #bytes < 8 or (#bytes - 8) % 14 ~= 0 then
    fence.unlisted = now + math.max(redis.call('PTTL', key), 0)
  else
    fence.unlisted = struct.unpack('>I6', bytes, 3)
    for at = 9, #bytes, 14 do
      local write = string.sub(bytes, at, at + 13)
      if struct.unpack('>I6', write, 9) <= now then
        write = ''
      end
      if string.sub(write, 1, 8) == token then
        fence.own = write
      else
        fence.others = fence.others .. write
      end
    end
  end
  if fence.unlisted <= now then
    fence.unlisted = 0
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
