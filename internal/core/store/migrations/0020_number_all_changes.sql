-- Not only identities: every change of an account's things that nodes keep in memory raises
-- the number.
ALTER TABLE identity_changes RENAME TO changes;
DROP INDEX identity_changes_n;
CREATE INDEX changes_n ON changes (n);
DROP TABLE configuration_set_changes;
