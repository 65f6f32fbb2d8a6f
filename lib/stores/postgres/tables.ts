/** How many rows count the tokens of one client and type, so that requests seldom wait for each other's count. */
const STRIPES = 16

/** A column of a token that is live, neither spent nor revoked; null afterwards. */
export function ofLive(column: string): string {
  return `(case when spent_at is null and revoked_at is null then ${column} end)`
}

function indexOfLive(name: string, column: string): string {
  return `create index tokens_live_${name} on tokens (${ofLive(column)}, issued_at) where ${ofLive(column)} is not null;`
}

/**
 * The tables of version 1. Only live tokens are in the indexes of families, clients and subjects, so that a revocation
 * finds what is left to revoke, and what was issued last without visiting the rest; being expressions, they serve no
 * other search, even where a plan is made for tables that are still empty. Collation "C" keeps indexes valid
 * when the system's collations change. Subjects are indexed by a hash, since nothing limits their length.
 */
export const TABLES = `
create table tokens (
  id text collate "C" primary key,
  type text not null,
  family text collate "C" not null,
  client_id text collate "C" not null,
  subject text collate "C",
  scope text[] not null,
  audience text not null,
  issued_at double precision not null,
  expires_at double precision not null,
  family_expires_at double precision not null,
  trace text,
  spent_at double precision,
  spent_successor text,
  spent_trace text,
  spent_receipt text,
  revoked_at double precision
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
create index tokens_expiry on tokens (expires_at);
${indexOfLive('family', 'family')}
${indexOfLive('client', 'client_id')}
${indexOfLive('subject', 'hashtextextended(subject, 0)')}

create table counts (
  client_id text collate "C",
  type text collate "C",
  stripe integer,
  live bigint not null,
  primary key (client_id, type, stripe)
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create function stripe() returns integer language sql stable as 'select pg_backend_pid() % ${STRIPES}';

create table revocations (
  key bigint not null,
  owner text collate "C" not null,
  at double precision not null
);
create index revocations_key on revocations (key);
create index revocations_at on revocations (at);

create table kept (name text collate "C" primary key, value text not null);
`
