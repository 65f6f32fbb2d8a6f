-- Every script ends with this one line, which wrk.ts reads.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function done(summary)
  local microseconds = summary.duration
  for _, thread in ipairs(threads) do
    microseconds = thread:get('exhausted_after') or microseconds
  end
  local errors = summary.errors
  print(string.format('{"requests":%d,"microseconds":%d,"refused":%d,"broken":%d}',
    summary.requests, microseconds, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
