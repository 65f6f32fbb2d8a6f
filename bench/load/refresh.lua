-- Each request spends the refresh token of an earlier response: args = file of first refresh tokens, client id.
require('report')

local tokens = {}
local oldest, newest = 1, 0
local form = { ['content-type'] = 'application/x-www-form-urlencoded' }
local before

local function keep(token)
  newest = newest + 1
  tokens[newest] = token
end

function init(args)
  before = 'grant_type=refresh_token&client_id=' .. args[2] .. '&refresh_token='
  for token in io.lines(args[1]) do keep(token) end
end

function request()
  local token = tokens[oldest]
  tokens[oldest] = nil
  oldest = oldest + 1
  return wrk.format('POST', nil, form, before .. token)
end

function response(status, headers, body)
  if status == 200 then keep(body:match('"refresh_token":"([^"]+)"')) end
end
