-- If-Match and If-None-Match: '' not given, '*' any version, else the versions between commas (',3,7,').

local function listed(list, version)
  return list == '*' or string.find(list, ',' .. string.format('%.0f', version) .. ',', 1, true) ~= nil
end

local function precondition_holds(if_match, if_none_match, version)
  if if_match ~= '' and not listed(if_match, version) then
    return false
  end
  return if_none_match == '' or not listed(if_none_match, version)
end
