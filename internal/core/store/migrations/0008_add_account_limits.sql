-- What an account may do in a region (SES: sandbox, sending limits, PutAccountDetails).
-- A row that is not there is the row of the defaults. -1 is the server's default.

CREATE TABLE account_details (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  sandbox      SMALLINT NOT NULL DEFAULT -1,
  sending      SMALLINT NOT NULL DEFAULT 1,
  enforcement  TEXT NOT NULL DEFAULT 'HEALTHY',
  daily_quota  DOUBLE PRECISION NOT NULL DEFAULT -1,
  send_rate    DOUBLE PRECISION NOT NULL DEFAULT -1,
  limits_at    BIGINT NOT NULL DEFAULT 0,
  mail_type    TEXT NOT NULL DEFAULT '',
  website      TEXT NOT NULL DEFAULT '',
  language     TEXT NOT NULL DEFAULT '',
  use_case     TEXT NOT NULL DEFAULT '',
  contacts     TEXT NOT NULL DEFAULT '[]',
  review       TEXT NOT NULL DEFAULT '',
  case_id      TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (account, region)
) {{without_rowid}};

-- Who changed an account, and how. Rows are only added.
CREATE TABLE account_changes (
  seq          {{serial}},
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  at           BIGINT NOT NULL,
  actor        TEXT NOT NULL,
  change       TEXT NOT NULL
);

CREATE INDEX account_changes_account ON account_changes (account, seq);

-- The extra settings of the account (resource 'account'), an identity
-- ('identity/NAME') or a configuration set ('configuration-set/NAME'), as JSON.
CREATE TABLE settings (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  resource     TEXT NOT NULL,
  own          TEXT NOT NULL,
  PRIMARY KEY (account, region, resource)
) {{without_rowid}};

-- What nodes that share a database have taken of a sending quota ahead of use: the
-- token bucket of the send rate, and the recipients that each node holds of the 24 hours.
CREATE TABLE quota_buckets (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  tokens       DOUBLE PRECISION NOT NULL,
  bytes        DOUBLE PRECISION NOT NULL,
  filled_at    BIGINT NOT NULL,
  PRIMARY KEY (account, region)
) {{without_rowid}};

CREATE TABLE quota_slices (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  node         TEXT NOT NULL,
  held         BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, node)
) {{without_rowid}};
