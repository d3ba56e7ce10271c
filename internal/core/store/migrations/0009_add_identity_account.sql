-- The account that the identity of a message belongs to, where that is not the message's
-- own account (SES: sending authorization).
ALTER TABLE messages ADD COLUMN identity_account TEXT NOT NULL DEFAULT '';
