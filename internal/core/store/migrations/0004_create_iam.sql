-- Who may do what (IAM): the state of accounts, users with their paths and policies,
-- roles, managed policies with versions, and SMTP credentials that were made up.

ALTER TABLE accounts ADD COLUMN contact TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN state TEXT NOT NULL DEFAULT 'ACTIVE';
ALTER TABLE accounts ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN org TEXT NOT NULL DEFAULT '';

ALTER TABLE users ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN path TEXT NOT NULL DEFAULT '/';
ALTER TABLE users ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';

ALTER TABLE access_keys ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_keys ADD COLUMN used_service TEXT NOT NULL DEFAULT '';
ALTER TABLE access_keys ADD COLUMN used_region TEXT NOT NULL DEFAULT '';

-- The password itself is nowhere: mac is its MAC by the keyring.
CREATE TABLE smtp_credentials (
  id           TEXT NOT NULL PRIMARY KEY,
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  user_name    TEXT NOT NULL,
  mac          {{blob}} NOT NULL,
  active       SMALLINT NOT NULL DEFAULT 1,
  created_at   BIGINT NOT NULL,
  used_at      BIGINT NOT NULL DEFAULT 0
) {{without_rowid}};

CREATE INDEX smtp_credentials_user ON smtp_credentials (account, user_name);

CREATE TABLE roles (
  account      TEXT NOT NULL,
  name         TEXT NOT NULL,
  id           TEXT NOT NULL,
  path         TEXT NOT NULL,
  trust        TEXT NOT NULL,
  description  TEXT NOT NULL,
  max_session  BIGINT NOT NULL,
  tags         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, name)
) {{without_rowid}};

CREATE TABLE managed_policies (
  account      TEXT NOT NULL,
  name         TEXT NOT NULL,
  id           TEXT NOT NULL,
  path         TEXT NOT NULL,
  description  TEXT NOT NULL,
  tags         TEXT NOT NULL,
  current      INTEGER NOT NULL,
  newest       INTEGER NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  PRIMARY KEY (account, name)
) {{without_rowid}};

CREATE TABLE policy_versions (
  account      TEXT NOT NULL,
  policy       TEXT NOT NULL,
  version      INTEGER NOT NULL,
  document     TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, policy, version)
) {{without_rowid}};

-- kind is user or role, entity its name; so below.
CREATE TABLE policy_attachments (
  account      TEXT NOT NULL,
  kind         TEXT NOT NULL,
  entity       TEXT NOT NULL,
  arn          TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, kind, entity, arn)
) {{without_rowid}};

CREATE INDEX policy_attachments_arn ON policy_attachments (account, arn);

CREATE TABLE inline_policies (
  account      TEXT NOT NULL,
  kind         TEXT NOT NULL,
  entity       TEXT NOT NULL,
  name         TEXT NOT NULL,
  document     TEXT NOT NULL,
  PRIMARY KEY (account, kind, entity, name)
) {{without_rowid}};

-- Whoever had a key before there were policies could do everything, and still can.
INSERT INTO policy_attachments (account, kind, entity, arn, created_at)
  SELECT account, 'user', name, 'arn:aws:iam::aws:policy/AdministratorAccess', created_at FROM users;
