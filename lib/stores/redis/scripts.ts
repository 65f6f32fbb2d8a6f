import { LONGEST_MINTING } from '../../oauth/store/store.ts'
import { script } from './client.ts'
import { ALLOW_OOM, COMMON } from './place.ts'

const LONGEST_MINTING_MS = String(LONGEST_MINTING * 1000)

/**
 * KEYS: the place, rows. ARGV: the earliest issuedAt; then an id and a row for each token. What is there already has been
 * sent again by a client that lost its connection before the answer came.
 */
export const INSERT = script(`${COMMON}
if redis.call('EXISTS', KEYS[6]) == 1 then return '1' end
local _, owner = parts(ARGV[3])
local mark = latestMark(ARGV[2], owner)
if mark and tonumber(mark) > tonumber(ARGV[1]) then return '0' end
for i = 2, #ARGV, 2 do add(KEYS[5 + i / 2], ARGV[i], ARGV[i + 1]) end
outlive()
return '1'
`)

/** KEYS: a row. */
export const FIND = script("return redis.call('GET', KEYS[1])")

/**
 * KEYS: the place, the rows of the token, of the access token and of the refresh token that succeed it. ARGV: the time,
 * the token's id, whose it has to be (a field of `counts`), the last line of its row when it is spent, the trace; of the
 * access token its id, its end, its terms or nothing; of the refresh token its id, its end. Answers with nothing where
 * there is no token, otherwise with its row as it was found, after `1` when won (also by the same request, sent again).
 */
export const ROTATE = script(`${COMMON}
local at, id, field, last, trace = ARGV[1], ARGV[2], ARGV[3], '\\n' .. ARGV[4], ARGV[5]
local row = redis.call('GET', KEYS[6])
if not row then return false end
local state, owner, expires, issued, familyExpires, terms = parts(row)
if state == 'S' and row:sub(-#last) == last then return '1L' .. row:sub(2, -1 - #last) end
if state ~= 'L' or countField(owner) ~= field or tonumber(at) >= tonumber(expires) then return '0' .. row end
local mark = latestMark(id, owner)
if mark and tonumber(mark) > tonumber(issued) then return '0R' .. row:sub(2) .. '\\n' .. mark end
if not redis.call('ZSCORE', live, id .. '\\n' .. owner) then return '0' .. row end
redis.call('SET', KEYS[6], 'S' .. row:sub(2) .. last, 'KEEPTTL')
local client, subject, family = ownersOf(owner)
family = familyOf(id, family)
local since = tonumber(at) < tonumber(issued) and issued or at
local function succeed(key, id, letter, expires, terms)
  local lines = { 'L' .. letter .. client, subject, family, expires, since, familyExpires, terms, trace }
  add(key, id, table.concat(lines, '\\n'))
end
succeed(KEYS[7], ARGV[6], 'a', ARGV[7], ARGV[8] == '' and terms or ARGV[8])
succeed(KEYS[8], ARGV[9], 'r', tonumber(ARGV[10]) < tonumber(familyExpires) and ARGV[10] or familyExpires, terms)
finish(id, owner)
redis.call('ZADD', ended, expires, id)
outlive()
return '1' .. row
`)

/**
 * KEYS: the place, and a mark unless it is about an id. ARGV: the time, how many at most; the beginning of the entries
 * in the index or nothing, an id or nothing; of a family, that token is meant only if it is alone in it. Answers whether
 * there may be more, and how many were killed.
 */
export const REVOKE = script(`${ALLOW_OOM}${COMMON}
local at, limit, head, id = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local ids, entries, empty, more = {}, {}, {}, false
local function take(head, names)
  for _, name in ipairs(names) do
    ids[#ids + 1] = name
    entries[#ids] = head .. '\\n' .. name
  end
end
if head:sub(1, 1) == 'f' then
  take(head, named(head, limit))
elseif head ~= '' then
  local families = named(head, limit)
  more = #families == limit
  for _, family in ipairs(families) do
    if #ids >= limit then break end
    local tokens = family:sub(1, 1) == '"' and named('f' .. family, limit)
    if not tokens then take(head, { family }) else take('f' .. family, tokens) end
    if tokens and #tokens == 0 then empty[#empty + 1] = head .. '\\n' .. family end
  end
end
more = more or #ids >= limit
if id ~= '' then ids[#ids + 1] = id end
local rows = {}
for i, each in ipairs(ids) do rows[i] = redis.call('GET', rowKey(each)) end
if head ~= '' then
  local mark = redis.call('GET', KEYS[6])
  if not mark or tonumber(mark) < tonumber(at) then redis.call('SET', KEYS[6], at, 'PX', ${LONGEST_MINTING_MS}) end
end
if #empty > 0 then redis.call('ZREM', index, unpack(empty)) end
local killed = {}
for i, each in ipairs(ids) do
  if not rows[i] then
    if entries[i] then redis.call('ZREM', index, entries[i]) end
  else
    local _, owner, expires = parts(rows[i])
    local isMeant = entries[i] or head == '' or owner:sub(-1) == '\\n'
    if isMeant and tonumber(expires) <= tonumber(at) then
      if expire(each, owner) then redis.call('ZADD', ended, expires, each) end
    elseif isMeant and finish(each, owner) then
      redis.call('SET', rowKey(each), 'R' .. rows[i]:sub(2) .. '\\n' .. at, 'KEEPTTL')
      redis.call('ZADD', ended, expires, each)
      killed[countField(owner)] = (killed[countField(owner)] or 0) + 1
    end
  end
end
outlive()
local fields = {}
for field, count in pairs(killed) do
  fields[#fields + 1] = field
  fields[#fields + 1] = count
end
return answer(more, fields)
`)

/** KEYS: the place. ARGV: the time, how many at most. Answers whether more have to be ended, and what is alive. */
export const COUNT_LIVE = script(`${ALLOW_OOM}${COMMON}
local due = redis.call('ZRANGEBYSCORE', live, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #due, 2 do
  local id, owner = due[i]:match('^([^\\n]*)\\n(.*)$')
  expire(id, owner)
  redis.call('ZADD', ended, due[i + 1], id)
end
if #due > 0 then outlive() end
if #due == 2 * tonumber(ARGV[2]) then return answer(true, {}) end
return answer(false, redis.call('HGETALL', counts))
`)

/** KEYS: the place. ARGV: the time, how many at most. Answers whether there may be more, and what has expired. */
export const PRUNE = script(`${ALLOW_OOM}${COMMON}
local limit = tonumber(ARGV[2])
local due = redis.call('ZRANGEBYSCORE', live, '-inf', ARGV[1], 'LIMIT', 0, limit)
local gone = redis.call('ZRANGEBYSCORE', ended, '-inf', ARGV[1], 'LIMIT', 0, limit)
local rows = {}
for i, member in ipairs(due) do rows[i] = rowKey(member:match('^[^\\n]*')) end
for _, id in ipairs(gone) do rows[#rows + 1] = rowKey(id) end
if #rows > 0 then redis.call('DEL', unpack(rows)) end
if #gone > 0 then redis.call('ZREM', ended, unpack(gone)) end
for _, member in ipairs(due) do expire(member:match('^([^\\n]*)\\n(.*)$')) end
local untold = redis.call('HGETALL', expired)
if #untold > 0 then redis.call('DEL', expired) end
return answer(#due == limit or #gone == limit, untold)
`)

/** KEYS: where it is kept. ARGV: the value. */
export const KEEP = script(`
local kept = redis.call('GET', KEYS[1])
if kept then return kept end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
`)
