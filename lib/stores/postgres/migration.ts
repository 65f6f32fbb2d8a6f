import { PARTS } from './parts.ts'
import { TABLES } from './tables.ts'
import { verbsIn } from './verbs.ts'

/** What leads from each version of the schema to the next, the first from nothing. */
const STEPS: readonly ((schema: string) => string)[] = [(schema) => TABLES + PARTS + verbsIn(schema)]

/** The version that this package works with. */
export const VERSION = STEPS.length

/** SQLSTATE of our own: the schema is of a later version. */
export const NEWER_SCHEMA = 'FO001'

/** SQLSTATE of our own: the database cannot keep every string. */
export const WRONG_ENCODING = 'FO003'

/**
 * Makes what is missing, in one transaction and one at a time: of any number of replicas that start together one does
 * it, and the others find it done.
 *
 * @param schema a quoted name
 */
export function migrationOf(schema: string): string {
  const steps = STEPS.map((step, version) => {
    return `if reached = ${version} then ${step(schema)} reached := ${version + 1}; end if;`
  })
  return `
do $migration$
declare
  had integer;
  reached integer := 0;
begin
  if current_setting('server_encoding') <> 'UTF8' then
    raise exception using errcode = '${WRONG_ENCODING}', message = 'the encoding of the database is not UTF8';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('fastify-oauth-telemetry', 0));
  if to_regnamespace('${schema}') is null then
    create schema ${schema};
  end if;
  perform set_config('search_path', '${schema}, pg_temp', true);
  if to_regclass('${schema}.schema_version') is null then
    create table schema_version (version integer not null);
    insert into schema_version values (0);
  end if;
  select version into had from schema_version;
  reached := had;
  if had > ${VERSION} then
    raise exception using errcode = '${NEWER_SCHEMA}', message = 'the schema is of version ' || had;
  end if;
  ${steps.join('\n')}
  if reached > had then
    update schema_version set version = reached;
  end if;
end $migration$`
}

/** Gives a row with the version that the schema has; fails with 3F000 or 42P01 where there is none. */
export function versionOf(schema: string): string {
  return `select version::text as answer from ${schema}.schema_version`
}
