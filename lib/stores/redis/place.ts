/*
 * What a place has, in keys of one slot:
 *
 *   live     sorted set, by expiresAt: the live tokens, as their id and whose they are
 *   index    sorted set, by name: the live tokens of each family (f); the families of each client (c) and subject (s)
 *            that have any, and of a client the tokens that are alone in their family
 *   ended    sorted set, by expiresAt: the ids of spent, revoked and expired tokens whose rows are still to be found
 *   counts   hash: the number of live tokens of each client and type
 *   expired  hash: the same of expired tokens that `prune` has not told yet
 *   m:…      the time of a revocation, for as long as minting may take
 *   t:…      the rows (row.ts)
 *
 * A token is live if and only if it is in `live`: who takes it out of there, and nobody else, ends it and counts it.
 *
 * All keys are passed as KEYS but for the marks that a row names, and the rows that only the index or a sorted set
 * knows of: their names are made of the tag of the others, so they are in the same slot. Whoever needs them touches them
 * before writing anything: while a slot moves to another node a script may meet one that has gone ahead, and then fails
 * having changed nothing.
 *
 * A server whose memory is full still revokes, counts and prunes (`allow-oom`). It refuses what adds tokens, as long as
 * nothing has been written: so the first thing these write is a row.
 *
 * Times are the caller's. Redis' own clock serves only to forget what nobody prunes any more: rows a day after
 * their end (the longest time between two prunings), all that a place has once together, after its last row.
 */

const DAY_MS = '86400000'

/** The first line of what has to work when memory is full. */
export const ALLOW_OOM = '#!lua flags=allow-oom'

/** What the scripts have in common; `KEYS` begins with the keys of the place. */
export const COMMON = `
local live, index, ended, counts, expired = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local function parts(row)
  return row:match('^(.)([^\\n]*\\n[^\\n]*\\n[^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)')
end

local function ownersOf(owner)
  return owner:match('^.([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)$')
end

local function familyOf(id, family)
  return family == '' and '"' .. id .. '"' or family
end

local function countField(owner)
  return owner:match('^[^\\n]*')
end

local function rowKey(id)
  return live:sub(1, -5) .. 't:' .. id
end

local function named(head, limit)
  local names = redis.call('ZRANGEBYLEX', index, '[' .. head .. '\\n', '(' .. head .. '\\v', 'LIMIT', 0, limit)
  for i, entry in ipairs(names) do names[i] = entry:sub(#head + 2) end
  return names
end

local function owners(id, owner)
  local client, subject, family = ownersOf(owner)
  local name = family == '' and id or family
  local all = { 'c' .. client .. '\\n' .. name }
  if subject ~= '' then all[2] = 's' .. subject .. '\\n' .. name end
  return all, family ~= '' and 'f' .. family
end

local function finish(id, owner)
  local all, family = owners(id, owner)
  if family then redis.call('ZREM', index, family .. '\\n' .. id) end
  if not family or #named(family, 1) == 0 then redis.call('ZREM', index, unpack(all)) end
  if redis.call('ZREM', live, id .. '\\n' .. owner) == 0 then return false end
  redis.call('HINCRBY', counts, countField(owner), -1)
  return true
end

local function expire(id, owner)
  if not finish(id, owner) then return false end
  redis.call('HINCRBY', expired, countField(owner), 1)
  return true
end

local longest = 0

local function add(key, id, row)
  local _, owner, expires, issued = parts(row)
  local ms = math.max(0, math.ceil((expires - issued) * 1000)) + ${DAY_MS}
  longest = math.max(longest, ms)
  redis.call('SET', key, row, 'PX', ms)
  redis.call('ZADD', live, expires, id .. '\\n' .. owner)
  local all, family = owners(id, owner)
  if family then all[#all + 1] = family .. '\\n' .. id end
  local scored = {}
  for i, entry in ipairs(all) do
    scored[2 * i - 1] = 0
    scored[2 * i] = entry
  end
  redis.call('ZADD', index, unpack(scored))
  redis.call('HINCRBY', counts, countField(owner), 1)
end

local function outlive()
  local isShort = redis.call('PTTL', counts) < longest
  if isShort then redis.call('PEXPIRE', counts, longest + ${DAY_MS}) end
  local ends = redis.call('PEXPIRETIME', counts)
  if ends < 0 then return end
  for _, key in ipairs({ live, index, ended, expired }) do
    if isShort then redis.call('PEXPIREAT', key, ends) else redis.call('PEXPIREAT', key, ends, 'NX') end
  end
end

local function latestMark(id, owner)
  local client, subject, family = ownersOf(owner)
  local head = live:sub(1, -5) .. 'm:'
  local marks = { head .. 'c' .. client, head .. 'f' .. familyOf(id, family) }
  if subject ~= '' then marks[3] = head .. 's' .. subject end
  local latest
  for _, mark in ipairs(redis.call('MGET', unpack(marks))) do
    if mark and (not latest or tonumber(mark) > tonumber(latest)) then latest = mark end
  end
  return latest
end

local function answer(more, fields)
  return (more and '1' or '0') .. '\\n' .. table.concat(fields, '\\n')
end
`
