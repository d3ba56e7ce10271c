-- What a look at a message's content found: virus is the name of what a scanner found,
-- unscanned why there was none to ask. cause is not '' if the message was rejected for it.
CREATE TABLE message_checks (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  checked_at   BIGINT NOT NULL,
  virus        TEXT NOT NULL,
  spam         SMALLINT NOT NULL,
  score        DOUBLE PRECISION NOT NULL,
  rules        TEXT NOT NULL,
  unscanned    TEXT NOT NULL,
  cause        TEXT NOT NULL,
  PRIMARY KEY (account, region, message_id)
) {{without_rowid}};

-- A Message-ID may be longer than what an index takes.
CREATE INDEX messages_by_original_id ON messages (account, region, substr(original_id, 1, 200)) WHERE original_id <> '';

CREATE INDEX outbox_by_message ON outbox (account, region, message_id);
