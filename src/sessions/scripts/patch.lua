#!lua
-- patch: changes attributes, one by one.
-- KEYS  1 session  2 the bucket's customers  3 the change's marker
-- ARGV  1 idle time in ms  2 the marker's life in ms  3 changes: names and values, each after its length (2); an empty value removes
--       4 how many attributes there may be  5 how many bytes they may take
-- Replies {'done', now, session}  {'gone'}  {'many', attributes}  {'large', bytes}
-- Keeps: attributes within their bounds, each name once, in the order in which they came; a change is made once.
--@include session

local function each(text, at, last, take)
  while at <= last do
    local name_len = struct.unpack('>I2', text, at)
    local name = string.sub(text, at + 2, at + 1 + name_len)
    at = at + 2 + name_len
    local value_len = struct.unpack('>I2', text, at)
    take(name, string.sub(text, at + 2, at + 1 + value_len))
    at = at + 2 + value_len
  end
end

local session, now, finished = session_take(KEYS[1], KEYS[2], KEYS[3])
if finished then
  return finished
end

local attributes, cart = session_places(session)
local names, values = {}, {}
local function take(name, value)
  if values[name] == nil then
    names[#names + 1] = name
  end
  values[name] = value
end
each(session, attributes + 2, cart - 1, take)
each(ARGV[3], 1, #ARGV[3], take)
local parts = {}
for _, name in ipairs(names) do
  if values[name] ~= '' then
    parts[#parts + 1] = struct.pack('>I2', #name) .. name .. struct.pack('>I2', #values[name]) .. values[name]
  end
end
local text = table.concat(parts)
if #parts > tonumber(ARGV[4]) then
  return { 'many', #parts }
end
if #text > tonumber(ARGV[5]) then
  return { 'large', #text }
end
session = string.sub(session, 1, attributes - 1) .. struct.pack('>I2', #text) .. text .. string.sub(session, cart)
session = session_change(KEYS[1], session, now, tonumber(ARGV[1]), KEYS[3], ARGV[2])
return { 'done', now, session }
