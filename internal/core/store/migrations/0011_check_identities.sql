-- The verification mails of all accounts in the last hour are counted, too.
CREATE INDEX verification_mails_by_time ON verification_mails (sent_at);

-- The start of the zone that a domain is in, as the last check saw it.
ALTER TABLE identities ADD COLUMN soa_primary TEXT NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN soa_admin TEXT NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN soa_serial BIGINT NOT NULL DEFAULT 0;
