import { LONGEST_MINTING } from '../../oauth/store/store.ts'

/** How long a verb waits for a lock that another holds. */
export const LOCK_TIMEOUT = '3s'

/**
 * A revocation begins with a mark, so that no token issued before it can be rotated, and by ending all that were issued
 * at its time or after: the successors of tokens that were rotated before the mark was set. So what is left to the
 * batches that follow cannot move, and what is issued meanwhile is none of theirs.
 */
const BODIES: Readonly<Record<string, string>> = {
  insert_tokens: `
declare
  owners text[] := owners_of(jsonb_populate_record(null::tokens, call->'tokens'->0));
begin
  perform share_owners(owners);
  if latest_mark(owners) > (call->>'issuedAt')::double precision then
    return to_jsonb(false);
  end if;
  perform add_tokens(call->'tokens', '{}');
  return to_jsonb(true);
end`,

  find_token: `
begin
  return coalesce((select to_jsonb(tokens) from tokens where id = call->>'id'), 'null');
end`,

  rotate_token: `
declare
  moment double precision := call->>'at';
  token tokens;
  heir tokens;
  owners text[];
  mark double precision;
begin
  select * into token from tokens where id = call->>'id';
  if not may_rotate(token, call->>'clientId', moment) then
    return rotation(false, token);
  end if;
  owners := owners_of(token);
  perform share_owners(owners);
  select * into token from tokens where id = call->>'id' for update;
  if not may_rotate(token, call->>'clientId', moment) then
    return rotation(false, token);
  end if;
  mark := latest_mark(owners);
  if mark > token.issued_at then
    token.revoked_at := mark;
    return rotation(false, token);
  end if;
  update tokens set spent_at = moment, spent_successor = call->'refresh'->>'id', spent_trace = call->>'trace',
    spent_receipt = call->>'receipt' where id = token.id;
  -- As the token was read: neither spent nor revoked.
  heir := token;
  heir.issued_at := greatest(token.issued_at, moment);
  heir.trace := call->>'trace';
  perform add_tokens(
    jsonb_build_array(to_jsonb(heir) || (call->'access'), to_jsonb(heir) || (call->'refresh') || jsonb_build_object(
      'expires_at', least((call->'refresh'->>'expires_at')::double precision, token.family_expires_at)
    )),
    array[(token.client_id, token.type, -1)::token_count]
  );
  return rotation(true, token);
end`,

  revoke_tokens: `
declare
  kind text := call->>'kind';
  named text := call->>'name';
  moment double precision := call->>'at';
  most integer := call->>'most';
  latest text[] := '{}';
  earlier text[];
begin
  if (call->>'begins')::boolean and kind <> 'id' then
    perform claim_owner(kind || ':' || named, moment);
    latest := live_tokens(kind, named, moment, moment, 'infinity', null);
  end if;
  earlier := live_tokens(kind, named, moment, '-infinity', moment, most + 1);
  return jsonb_build_object(
    'more', cardinality(earlier) > most, 'counts', kill_tokens(latest || earlier[1:most], moment)
  );
end`,

  count_live: `
declare
  moment double precision := call->>'at';
begin
  return (select coalesce(jsonb_agg(counted), '[]') from (
    select client_id, type, sum(live) as count from (
      select client_id, type, live from counts
      union all
      select client_id, type, -1 from tokens where expires_at <= moment and spent_at is null and revoked_at is null
    ) changes group by client_id, type
  ) counted);
end`,

  prune_tokens: `
declare
  moment double precision := call->>'at';
  most integer := call->>'most';
  forgotten integer;
  expired token_count[];
begin
  delete from revocations where ctid = any(array(
    select ctid from revocations where at < moment - ${LONGEST_MINTING} limit most for update skip locked
  ));
  with due as (
    select id from tokens where expires_at <= moment order by expires_at limit most for update skip locked
  ), gone as (
    delete from tokens using due where tokens.id = due.id
    returning client_id, type, spent_at is null and revoked_at is null as live
  ), counted as (
    select client_id, type, count(*) from gone where live group by client_id, type
  )
  select (select count(*) from gone), coalesce(array_agg(counted::token_count), '{}')
    into forgotten, expired from counted;
  perform count_tokens(expired, -1);
  return jsonb_build_object('more', forgotten = most, 'counts', expired);
end`,

  keep_value: `
begin
  insert into kept values (call->>'name', call->>'value') on conflict do nothing;
  return (select to_jsonb(value) from kept where name = call->>'name');
end`
}

/**
 * For the verbs alone: names mean the store's own tables; plans, which are kept, suit tables of any size, even if they
 * were made for empty ones; times keep all of their digits; and nobody waits without an end.
 */
function settings(schema: string): string {
  const off = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((plan) => `enable_${plan} = off`)
  const others = ['jit = off', 'extra_float_digits = 1', `lock_timeout = '${LOCK_TIMEOUT}'`]
  return [`search_path = ${schema}, pg_temp`, ...off, ...others].map((setting) => `set ${setting}`).join(' ')
}

/**
 * The verbs of version 1. Each is one function, which takes one value and gives one, so that it is one round trip and
 * one transaction. In `read committed` each of its statements sees what was committed before it, so that what is read
 * after a lock is what the lock protects. A later version that changes what a verb takes, gives or means gives it
 * another name and drops this one.
 *
 * @param schema a quoted name
 */
export function verbsIn(schema: string): string {
  const head = (name: string) =>
    `create function ${name}(call jsonb) returns jsonb language plpgsql ${settings(schema)}`
  return Object.entries(BODIES)
    .map(([name, body]) => `${head(name)} as $$${body} $$;\n`)
    .join('')
}
