/** "foat" in ASCII: tells our files from those of others. */
export const APPLICATION_ID = 0x666f6174

/**
 * What makes an older file a newer one; how many of them a file has been through is its `user_version`. Those that have
 * been released are never changed: a change of the schema is one more.
 *
 * - `token` is in the order of writing and `row` is never used again. A row keeps its size when its token ends (0 and 1
 *   take no room), so that ends move nothing. `family` is NULL for the token that gives its family the name. The `_key`
 *   columns are integers for the indexes (`keys.ts`).
 * - `ending` says what became of an ended token: spent when it has a successor, else revoked.
 * - `client` has the live tokens by client; tokens that have expired leave these numbers when they are pruned.
 * - `mark` has who was revoked lately, for tokens that were being minted meanwhile.
 * - `walk` has the revocations of many tokens that are under way: tokens up to row `upto` are as good as revoked.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE client (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    access INTEGER NOT NULL DEFAULT 0,
    refresh INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  CREATE TABLE token (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id_key INTEGER NOT NULL,
    id TEXT NOT NULL,
    refresh INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    client INTEGER NOT NULL,
    family_key INTEGER,
    family TEXT,
    subject_key INTEGER,
    subject TEXT,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    issued_at REAL NOT NULL,
    expires_at INTEGER NOT NULL,
    family_expires_at REAL NOT NULL,
    trace TEXT
  ) STRICT;
  CREATE INDEX token_by_id ON token (id_key);
  CREATE INDEX token_by_expiry ON token (expires_at);
  CREATE INDEX live_by_client ON token (client) WHERE ended = 0;
  CREATE INDEX live_by_family ON token (family_key) WHERE ended = 0 AND family_key IS NOT NULL;
  CREATE INDEX live_by_subject ON token (subject_key) WHERE ended = 0 AND subject_key IS NOT NULL;

  CREATE TABLE ending (
    token INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    successor TEXT,
    trace TEXT,
    receipt TEXT
  ) STRICT;

  CREATE TABLE mark (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX mark_by_time ON mark (at);

  CREATE TABLE walk (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    at REAL NOT NULL,
    upto INTEGER NOT NULL
  ) STRICT;
  `
]
