-- What a step asks before it changes a record. Each function gives the reply that ends the step, or nil.
-- If-Match and If-None-Match: '' not given, '*' any version, else the versions between commas (',3,7,').

-- The record, or nil and the reply. What was done before the fence changed is still told as done.
local function record_find(marker_key, record_key, fingerprint, attempt)
  local finished = marker_check(marker_key, fingerprint, attempt) or fence_closed()
  if finished then
    return nil, finished
  end
  local text = redis.call('GET', record_key)
  if not text then
    return nil, { 'missing' }
  end
  local record = record_parse(text)
  return record, not record and damaged('record') or nil
end

local function listed(list, version)
  return list == '*' or string.find(list, ',' .. string.format('%.0f', version) .. ',', 1, true) ~= nil
end

-- base is the version that the change was made from, '' any.
local function refusal(version, if_match, if_none_match, base)
  if (if_match ~= '' and not listed(if_match, version)) or (if_none_match ~= '' and listed(if_none_match, version)) then
    return { 'precondition', version }
  end
  if base ~= '' and tonumber(base) ~= version then
    return { 'conflict', version }
  end
  return nil
end
