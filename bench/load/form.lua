-- The same form bodies in turn: args = file of bodies, Authorization header.
require('report')

local requests = {}
local turn = 0

function init(args)
  local headers = { ['content-type'] = 'application/x-www-form-urlencoded', authorization = args[2] }
  for body in io.lines(args[1]) do
    table.insert(requests, wrk.format('POST', nil, headers, body))
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
