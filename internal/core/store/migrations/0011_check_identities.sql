-- The verification mails of all accounts in the last hour are counted, too.
CREATE INDEX verification_mails_by_time ON verification_mails (sent_at);
