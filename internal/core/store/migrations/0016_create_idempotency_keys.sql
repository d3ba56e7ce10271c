-- What was asked for once and is not to be done again: with which content, and what the
-- answer was. A row is written in the commit that does it.
CREATE TABLE idempotency_keys (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  operation    TEXT NOT NULL,
  name         TEXT NOT NULL,
  hash         TEXT NOT NULL,
  answer       TEXT NOT NULL,
  expires_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, operation, name)
) {{without_rowid}};

CREATE INDEX idempotency_keys_expire ON idempotency_keys (expires_at);
