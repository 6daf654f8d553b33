#!lua
-- cart: puts an item into the cart or changes it, takes one out, or empties the cart.
-- KEYS  1 session  2 the bucket's customers  3 the change's marker
-- ARGV  1 idle time in ms  2 the marker's life in ms  3 If-Match  4 If-None-Match: '' not given, '*' any version, else ',3,7,'
--       5 SKU ('' all)  6 quantity and unit price as they are stored ('' takes out)  7 how many items there may be
-- Replies {'done', now, session}  {'gone'}  {'precondition', version}  {'full'}
-- Keeps: each SKU once, in the order in which they came; the version grows with each change, and only then; a change is made once.
--@include session

local function listed(list, version)
  return list == '*' or string.find(list, ',' .. text_of(version) .. ',', 1, true) ~= nil
end

local session, now, finished = session_take(KEYS[1], KEYS[2], KEYS[3])
if finished then
  return finished
end
local version = struct.unpack('>I6', session, 78)
if (ARGV[3] ~= '' and not listed(ARGV[3], version)) or (ARGV[4] ~= '' and listed(ARGV[4], version)) then
  return { 'precondition', version }
end

local _, cart_at = session_places(session)
local cart = string.sub(session, cart_at)
local before, after, count, at = nil, nil, 0, 1
while at <= #cart do
  local last = at + string.byte(cart, at) + 10
  if string.sub(cart, at + 1, last - 10) == ARGV[5] then
    before, after = at - 1, last + 1
  end
  count, at = count + 1, last + 1
end
local item = ''
if ARGV[6] ~= '' then
  item = struct.pack('>B', #ARGV[5]) .. ARGV[5] .. ARGV[6]
end
local changed = cart
if ARGV[5] == '' then
  changed = ''
elseif before then
  changed = string.sub(cart, 1, before) .. item .. string.sub(cart, after)
elseif item ~= '' and count >= tonumber(ARGV[7]) then
  return { 'full' }
else
  changed = cart .. item
end
if changed ~= cart then
  version = version + 1
end
session = string.sub(session, 1, 77) .. struct.pack('>I6', version) .. string.sub(session, 84, cart_at - 1) .. changed
session = session_change(KEYS[1], session, now, tonumber(ARGV[1]), KEYS[3], ARGV[2])
return { 'done', now, session }
