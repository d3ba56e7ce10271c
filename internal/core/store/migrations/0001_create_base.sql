-- Times are milliseconds since 1970, minutes are minutes since 1970.
-- (account, region) leads every table but those of the account itself.

CREATE TABLE accounts (
  id           TEXT NOT NULL PRIMARY KEY,
  created_at   BIGINT NOT NULL
) {{without_rowid}};

CREATE TABLE users (
  account      TEXT NOT NULL,
  name         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, name)
) {{without_rowid}};

CREATE TABLE access_keys (
  id           TEXT NOT NULL PRIMARY KEY,
  account      TEXT NOT NULL,
  user_name    TEXT NOT NULL,
  secret       {{blob}} NOT NULL,
  active       SMALLINT NOT NULL DEFAULT 1,
  created_at   BIGINT NOT NULL
) {{without_rowid}};

CREATE INDEX access_keys_user ON access_keys (account, user_name);

CREATE TABLE identities (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  kind         TEXT NOT NULL,
  verification TEXT NOT NULL,
  token        TEXT NOT NULL,
  signing      SMALLINT NOT NULL DEFAULT 1,
  dkim_status  TEXT NOT NULL,
  config_set   TEXT NOT NULL DEFAULT '',
  tags         TEXT NOT NULL DEFAULT '[]',
  created_at   BIGINT NOT NULL,
  verified_at  BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account, region, name)
) {{without_rowid}};

CREATE TABLE dkim_keys (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  identity     TEXT NOT NULL,
  selector     TEXT NOT NULL,
  private_key  {{blob}} NOT NULL,
  public_key   TEXT NOT NULL,
  bits         INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, identity, selector)
) {{without_rowid}};

-- Rows are written once. Content up to a size is in the row, larger content in the blob
-- store under the key blob.
CREATE TABLE messages (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  id           TEXT NOT NULL,
  accepted_at  BIGINT NOT NULL,
  operation    TEXT NOT NULL,
  caller       TEXT NOT NULL,
  source_ip    TEXT NOT NULL,
  return_path  TEXT NOT NULL,
  sender       TEXT NOT NULL,
  identity     TEXT NOT NULL,
  subject      TEXT NOT NULL,
  original_id  TEXT NOT NULL,
  config_set   TEXT NOT NULL,
  tags         TEXT NOT NULL,
  size         BIGINT NOT NULL,
  header_size  BIGINT NOT NULL,
  eight_bit    SMALLINT NOT NULL,
  blob         TEXT NOT NULL,
  content      {{blob}} NOT NULL,
  PRIMARY KEY (account, region, id)
) {{without_rowid}};

-- state: 0 queued, 1 leased, then the final ones (core/spool State).
CREATE TABLE recipients (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  n            INTEGER NOT NULL,
  address      TEXT NOT NULL,
  domain       TEXT NOT NULL,
  state        SMALLINT NOT NULL,
  due_at       BIGINT NOT NULL,
  attempts     INTEGER NOT NULL,
  lease_owner  TEXT NOT NULL DEFAULT '',
  lease_until  BIGINT NOT NULL DEFAULT 0,
  settled_at   BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account, region, message_id, n)
) {{without_rowid}};

CREATE INDEX recipients_due ON recipients (domain, due_at) WHERE state = 0;

CREATE INDEX recipients_leased ON recipients (lease_until) WHERE state = 1;

CREATE TABLE attempts (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  n            INTEGER NOT NULL,
  attempt      INTEGER NOT NULL,
  started_at   BIGINT NOT NULL,
  duration_ms  BIGINT NOT NULL,
  host         TEXT NOT NULL,
  remote       TEXT NOT NULL,
  tls          TEXT NOT NULL,
  class        TEXT NOT NULL,
  code         INTEGER NOT NULL,
  enhanced     TEXT NOT NULL,
  command      TEXT NOT NULL,
  cause        TEXT NOT NULL,
  reply        TEXT NOT NULL,
  next_at      BIGINT NOT NULL,
  reason       TEXT NOT NULL,
  transcript   TEXT NOT NULL,
  PRIMARY KEY (account, region, message_id, n, attempt)
) {{without_rowid}};

CREATE TABLE outbox (
  seq          {{serial}},
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  kind         TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  at           BIGINT NOT NULL,
  payload      TEXT NOT NULL
);

CREATE TABLE counters (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  minute       BIGINT NOT NULL,
  value        BIGINT NOT NULL,
  PRIMARY KEY (account, region, name, minute)
) {{without_rowid}};
