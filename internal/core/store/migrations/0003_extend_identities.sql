-- What an identity may be told (SES: verified identities). Times are milliseconds since
-- 1970; 0 is never.

ALTER TABLE identities ADD COLUMN status_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN succeeded_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN check_error TEXT NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN next_check_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN dkim_origin TEXT NOT NULL DEFAULT 'AWS_SES';
ALTER TABLE identities ADD COLUMN dkim_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN dkim_next_bits INTEGER NOT NULL DEFAULT 2048;
ALTER TABLE identities ADD COLUMN dkim_length_changed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN dkim_override SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN mail_from TEXT NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN mail_from_status TEXT NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN mail_from_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN mail_from_behavior TEXT NOT NULL DEFAULT 'USE_DEFAULT_VALUE';
ALTER TABLE identities ADD COLUMN forwarding SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE identities ADD COLUMN notifications TEXT NOT NULL DEFAULT '{}';

CREATE INDEX identities_check ON identities (next_check_at) WHERE next_check_at > 0;

CREATE TABLE identity_policies (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  identity     TEXT NOT NULL,
  name         TEXT NOT NULL,
  document     TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, identity, name)
) {{without_rowid}};

-- Mail of the service itself that is still to be sent: verification mails and warnings.
-- A row is written in the commit of the change that it tells of.
CREATE TABLE notices (
  seq          {{serial}},
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  kind         TEXT NOT NULL,
  identity     TEXT NOT NULL,
  detail       TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  lease_until  BIGINT NOT NULL DEFAULT 0,
  attempts     INTEGER NOT NULL DEFAULT 0
);
