-- What wrk sends. After "--": KIND, the file of ids, what stands before and after an id in the path, a tag that makes
-- e-mails unique, the Authorization header (may be ""), and how many requests to make ("0": until the time ends).
-- A file of ids is a line for each, all of one length; for the kind session they are tokens, and the path is the prefix alone. Prints one line, BENCH and a JSON object.
-- Ids of a small file are made into whole requests beforehand; those of a large one are cut out of the file's text.

local PREPARED_MAX = 4096
local PERCENTILES = { 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99 }
local ffi = require("ffi")
ffi.cdef("int kill(int pid, int signal); int getpid(void);")
local SIGINT = 2
local kind, prefix, suffix, tag, limit
local text, id_length, id_count
local headers, json_headers, patch_headers = {}, {}, {}
local prepared
local sent, answered = 0, 0
local made  -- the file that takes the ids of created customers

local function id_at(index)
  local start = index * (id_length + 1) + 1
  return string.sub(text, start, start + id_length - 1)
end

local function get_of(id)
  if kind == "session" then
    return wrk.format("GET", prefix, { ["Authorization"] = "Session " .. id })
  end
  return wrk.format("GET", prefix .. id .. suffix, headers)
end

local function any_get()
  local index = math.random(0, id_count - 1)
  return prepared and prepared[index] or get_of(id_at(index))
end

local function create()
  sent = sent + 1
  local number = string.format("%s.%08d", tag, sent)
  return wrk.format("POST", "/customers", json_headers, '{"name":"Danilo Example","email":"' .. number
    .. '@example.net","phone":"+1-555-2106","address":"Somewhere in London, behind the third door","balance":'
    .. sent .. ',"metadata":{"tier":"gold"}}')
end

local makers = {
  get = any_get,
  session = any_get,
  fixed = function()
    return prepared[0]
  end,
  create = create,
  seed = create,
  patch = function()
    sent = sent + 1
    return wrk.format("PATCH", prefix .. id_at(math.random(0, id_count - 1)), patch_headers,
      '{"balance":' .. sent .. '}')
  end,
  delete = function()
    sent = sent + 1
    return wrk.format("DELETE", prefix .. id_at((sent - 1) % id_count), headers)
  end,
  -- One in five, at random, is a write.
  mix = function()
    if math.random(5) == 1 then
      return create()
    end
    return any_get()
  end,
}

local function read_ids(path)
  if path == "" then
    return
  end
  local file = assert(io.open(path, "rb"))
  text = file:read("*a")
  file:close()
  id_length = string.find(text, "\n", 1, true) - 1
  id_count = math.floor(#text / (id_length + 1))
  if id_count <= PREPARED_MAX then
    prepared = {}
    for index = 0, id_count - 1 do
      prepared[index] = get_of(id_at(index))
    end
  end
end

-- wrk's own thread:stop() leaves the main thread asleep until the time is over; this is its Ctrl-C.
local function stop()
  wrk.thread:stop()
  ffi.C.kill(ffi.C.getpid(), SIGINT)
end

function init(arguments)
  kind, prefix, suffix, tag, limit = arguments[1], arguments[3], arguments[4], arguments[5], tonumber(arguments[7])
  for _, table in ipairs({ headers, json_headers, patch_headers }) do
    if arguments[6] ~= "" then
      table["Authorization"] = arguments[6]
    end
  end
  json_headers["Content-Type"] = "application/json"
  patch_headers["Content-Type"] = "application/merge-patch+json"
  math.randomseed(os.time())
  if kind == "seed" then
    made = assert(io.open(arguments[2], "wb"))
  else
    read_ids(arguments[2])
  end
  request = assert(makers[kind], "no kind of request " .. tostring(kind))
  -- wrk parses answers for a function only where there is one, which costs time.
  if kind == "seed" then
    response = function(status, _, body)
      answered = answered + 1
      if status == 201 and answered <= limit then
        made:write(string.match(body, '"id":"([^"]+)"'), "\n")
      end
      if answered == limit then
        made:close()
        stop()
      end
    end
  elseif limit > 0 then
    response = function()
      answered = answered + 1
      if answered == limit then
        stop()
      end
    end
  end
end

function done(summary, latency)
  local points = {}
  for _, percentile in ipairs(PERCENTILES) do
    points[#points + 1] = string.format('"%s":%d', percentile, latency:percentile(percentile))
  end
  local errors = summary.errors
  print(string.format(
    'BENCH {"requests":%d,"duration_us":%d,"socket_errors":%d,"status_errors":%d,"max_us":%d,"latency_us":{%s}}',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency.max, table.concat(points, ",")))
end
