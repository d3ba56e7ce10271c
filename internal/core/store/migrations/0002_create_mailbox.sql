-- The built-in mailbox. The number is the mail's id; what find_ columns hold is in
-- lower case. The content is last, so that a search does not read it.

CREATE TABLE mailbox (
  seq          {{serial}},
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  received_at  BIGINT NOT NULL,
  size         BIGINT NOT NULL,
  message_id   TEXT NOT NULL,
  sender       TEXT NOT NULL,
  recipients   TEXT NOT NULL,
  subject      TEXT NOT NULL,
  mail_from    TEXT NOT NULL,
  rcpt_to      TEXT NOT NULL,
  remote_ip    TEXT NOT NULL,
  tls          TEXT NOT NULL,
  find_to      TEXT NOT NULL,
  find_subject TEXT NOT NULL,
  find_other   TEXT NOT NULL,
  data         {{blob}} NOT NULL
);

CREATE INDEX mailbox_account ON mailbox (account, seq, size);
