-- The suppression list of an account in a region (SES: account-level suppression list), one
-- row for each address. tenant leaves room for lists of tenants; '' is the account's own.
-- feedback_id, message_id and response are of entries that the service made by itself.
CREATE TABLE suppressed (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  tenant       TEXT NOT NULL,
  address      TEXT NOT NULL,
  reason       TEXT NOT NULL,
  source       TEXT NOT NULL,
  updated_at   BIGINT NOT NULL,
  feedback_id  TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  response     TEXT NOT NULL,
  PRIMARY KEY (account, region, tenant, address)
) {{without_rowid}};

CREATE INDEX suppressed_by_time ON suppressed (account, region, tenant, updated_at, address);

-- What an account puts on its list and heeds of it (SES: PutAccountSuppressionAttributes). A
-- row that is not there is the row of the defaults. paused_since is when the account was
-- first seen paused, 0 while it is not.
CREATE TABLE suppression_attributes (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  reasons      TEXT NOT NULL DEFAULT 'BOUNCE,COMPLAINT',
  paused_since BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account, region)
) {{without_rowid}};

-- The service's own list (SES: global suppression list), for all accounts of a region. It
-- holds an address until expires_at. The row stays for a while longer, so that the next
-- bounce is known to be a further one. caused_by is the account whose mail bounced last.
CREATE TABLE suppressed_globally (
  region       TEXT NOT NULL,
  address      TEXT NOT NULL,
  bounced_at   BIGINT NOT NULL,
  bounces      INTEGER NOT NULL,
  expires_at   BIGINT NOT NULL,
  caused_by    TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  response     TEXT NOT NULL,
  PRIMARY KEY (region, address)
) {{without_rowid}};

CREATE INDEX suppressed_globally_by_time ON suppressed_globally (bounced_at, region, address);
