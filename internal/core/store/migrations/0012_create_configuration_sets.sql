-- Configuration sets (SES: configuration sets) with their options, and where their events
-- go. Both are JSON, for they are read and written as a whole.

CREATE TABLE configuration_sets (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  options      TEXT NOT NULL,
  tags         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, name)
) {{without_rowid}};

CREATE TABLE event_destinations (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  config_set   TEXT NOT NULL,
  name         TEXT NOT NULL,
  definition   TEXT NOT NULL,
  PRIMARY KEY (account, region, config_set, name)
) {{without_rowid}};

-- Every change of a set raises the number of account '' and gives it to its own account and
-- region: nodes keep what they have read of them for as long as their number stands still.
CREATE TABLE configuration_set_changes (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  n            BIGINT NOT NULL,
  PRIMARY KEY (account, region)
) {{without_rowid}};

CREATE INDEX configuration_set_changes_n ON configuration_set_changes (n);

INSERT INTO configuration_set_changes (account, region, n) VALUES ('', '', 1);

-- What an account has told of Virtual Deliverability Manager; '' for nothing.
ALTER TABLE account_details ADD COLUMN vdm TEXT NOT NULL DEFAULT '';
