-- Who checks an identity's DNS records, and which of its DKIM keys signs. Times are
-- milliseconds since 1970; 0 is never.

-- claim names the check that is under way; a change by anybody else takes it away.
-- vouched: the operator's word holds whatever DNS says. The three *unsure_since tell
-- since when DNS has not answered about a status.
ALTER TABLE identities ADD COLUMN claim TEXT NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN vouched SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN unsure_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN dkim_unsure_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE identities ADD COLUMN mail_from_unsure_since BIGINT NOT NULL DEFAULT 0;

-- active: the key signs. replaces is the public key that stood at the selector before,
-- while the new one waits to be seen in DNS; seen_at is since when it has been seen
-- there, retired_at when it last stopped signing.
ALTER TABLE dkim_keys ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'rsa';
ALTER TABLE dkim_keys ADD COLUMN external SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE dkim_keys ADD COLUMN active SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE dkim_keys ADD COLUMN active_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dkim_keys ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE dkim_keys ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dkim_keys ADD COLUMN retired_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX dkim_keys_selector ON dkim_keys (selector);

-- Every change of an identity raises the number of account '' and gives it to its own: nodes
-- keep what they have read of an account for as long as its number stands still.
CREATE TABLE identity_changes (
  account      TEXT NOT NULL PRIMARY KEY,
  n            BIGINT NOT NULL
) {{without_rowid}};

CREATE INDEX identity_changes_n ON identity_changes (n);

INSERT INTO identity_changes (account, n) VALUES ('', 1);

-- Until now only an operator verified identities, and the first key of a domain signed.
UPDATE identities SET vouched = 1 WHERE verification = 'SUCCESS';
UPDATE identities SET next_check_at = 1 WHERE verification = 'PENDING';
UPDATE dkim_keys SET active = 1, active_since = created_at WHERE position = 0 AND EXISTS (
  SELECT 1 FROM identities i WHERE i.account = dkim_keys.account AND i.region = dkim_keys.region
  AND i.name = dkim_keys.identity AND i.dkim_status = 'SUCCESS');
