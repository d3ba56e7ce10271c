-- The verification mails that an account has asked for within the last hour. They outlive
-- their identities and their notices: deleting an address does not let it be mailed again.
CREATE TABLE verification_mails (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  address      TEXT NOT NULL,
  sent_at      BIGINT NOT NULL
);

CREATE INDEX verification_mails_by_account ON verification_mails (account, sent_at);
