import { ofLive } from './tables.ts'

/** SQLSTATE of our own: the transaction is not `read committed`. */
export const WRONG_ISOLATION = 'FO002'

/**
 * What the verbs have in common. An owner is a family, a client or a subject. Whoever adds tokens shares the locks of
 * their owners, and whoever revokes an owner has its lock alone: a revocation sees what was added, or is seen.
 * Locks are taken in an order without a circle: owners, tokens by their id, counts by their key; a revocation locks
 * one owner, and pruning waits for no token.
 */
export const PARTS = `
create type token_count as (client_id text, type text, count bigint);

create function key_of(owner text) returns bigint language sql stable as $$
  select hashtextextended(owner, 'tokens'::regclass::oid::bigint)
$$;

create function assert_read_committed() returns void language plpgsql as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = '${WRONG_ISOLATION}', message = 'the isolation level is not read committed';
  end if;
end $$;

create function owners_of(token tokens) returns text[] language sql stable as $$
  select array_remove(array['family:' || token.family, 'client:' || token.client_id, 'subject:' || token.subject], null)
$$;

create function share_owners(owners text[]) returns void language plpgsql as $$
begin
  perform assert_read_committed();
  perform pg_advisory_xact_lock_shared(key_of(owner)) from unnest(owners) owner;
end $$;

create function latest_mark(owners text[]) returns double precision language plpgsql as $$
begin
  return (
    select max(at) from unnest(owners) named
    join revocations on revocations.key = key_of(named) and revocations.owner = named
  );
end $$;

create function claim_owner(named text, moment double precision) returns void language plpgsql as $$
begin
  perform assert_read_committed();
  perform pg_advisory_xact_lock(key_of(named));
  update revocations set at = greatest(at, moment) where key = key_of(named) and owner = named;
  if not found then
    insert into revocations values (key_of(named), named, moment);
  end if;
end $$;

create function count_tokens(counted token_count[], sign integer) returns void language plpgsql as $$
begin
  insert into counts (client_id, type, stripe, live)
  select client_id, type, stripe(), sign * sum(count) from unnest(counted)
  group by client_id, type having sum(count) <> 0 order by client_id, type
  on conflict (client_id, type, stripe) do update set live = counts.live + excluded.live;
end $$;

create function add_tokens(added jsonb, spent token_count[]) returns void language plpgsql as $$
declare
  counted token_count[];
begin
  with written as (
    insert into tokens select * from jsonb_populate_recordset(null::tokens, added) returning client_id, type
  )
  select array_agg((client_id, type, 1)::token_count) into counted from written;
  perform count_tokens(counted || spent, 1);
end $$;

create function may_rotate(token tokens, client text, moment double precision) returns boolean language sql stable as $$
  select coalesce(
    token.type = 'refresh' and token.client_id = client
      and token.spent_at is null and token.revoked_at is null and token.expires_at > moment,
    false
  )
$$;

create function rotation(won boolean, token tokens) returns jsonb language sql stable as $$
  select jsonb_build_object('won', won, 'token', case when token.id is null then null else to_jsonb(token) end)
$$;

create function live_tokens(
  kind text, named text, moment double precision, earliest double precision, latest double precision, most integer
) returns text[] language plpgsql as $$
begin
  case kind
  when 'id' then
    return array[named];
  when 'family' then
    return array(
      select id from tokens where ${ofLive('family')} = named
        and issued_at >= earliest and issued_at < latest and expires_at > moment limit most
    );
  when 'client' then
    return array(
      select id from tokens where ${ofLive('client_id')} = named
        and issued_at >= earliest and issued_at < latest and expires_at > moment limit most
    );
  when 'subject' then
    return array(
      select id from tokens
      where ${ofLive('hashtextextended(subject, 0)')} = hashtextextended(named, 0) and subject = named
        and issued_at >= earliest and issued_at < latest and expires_at > moment limit most
    );
  end case;
end $$;

create function kill_tokens(ids text[], moment double precision) returns token_count[] language plpgsql as $$
declare
  killed token_count[];
begin
  with found as (
    select id, spent_at, revoked_at, expires_at from tokens where id = any(ids) order by id for update
  ), revoked as (
    update tokens set revoked_at = moment from found
    where tokens.id = found.id and found.spent_at is null and found.revoked_at is null and found.expires_at > moment
    returning client_id, type
  ), counted as (
    select client_id, type, count(*) from revoked group by client_id, type
  )
  select coalesce(array_agg(counted::token_count), '{}') into killed from counted;
  perform count_tokens(killed, -1);
  return killed;
end $$;
`
