-- Each bearer token once: args = file of tokens, traceparent. Running out ends the measurement early.
require('report')

local ffi = require('ffi')
ffi.cdef('typedef struct { long seconds; long microseconds; } timeval; int gettimeofday(timeval *now, void *zone);')

local before, after, tokens, last, started

local function now()
  local time = ffi.new('timeval')
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.seconds) * 1e6 + tonumber(time.microseconds)
end

function init(args)
  local sample = wrk.format('GET', nil, { authorization = 'Bearer TOKEN', traceparent = args[2] })
  before, after = sample:match('^(.*)TOKEN(.*)$')
  tokens = io.lines(args[1])
  started = now()
end

function request()
  local token = not exhausted_after and tokens()
  if token then
    last = token
  else
    exhausted_after = exhausted_after or now() - started
    wrk.thread:stop()
  end
  return before .. last .. after
end
