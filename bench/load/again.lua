-- The same bearer tokens in turn: args = file of tokens, traceparent.
require('report')

local requests = {}
local turn = 0

function init(args)
  for token in io.lines(args[1]) do
    table.insert(requests, wrk.format('GET', nil, { authorization = 'Bearer ' .. token, traceparent = args[2] }))
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
