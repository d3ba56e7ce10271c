-- The contact list of an account in a region, at most one (SES: list management). Topics and
-- tags are JSON, for they are read and written as a whole. id tells a list from one of the
-- same name that was there before: what that had is removed little by little.
CREATE TABLE contact_lists (
  id           {{serial}},
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  description  TEXT NOT NULL,
  topics       TEXT NOT NULL,
  tags         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL
);

CREATE UNIQUE INDEX contact_lists_owner ON contact_lists (account, region);

-- handle is by what links know the contact; it follows from the names of account, region and
-- list and from the address.
CREATE TABLE contacts (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  list         BIGINT NOT NULL,
  address      TEXT NOT NULL,
  handle       BIGINT NOT NULL,
  unsubscribed INTEGER NOT NULL,
  attributes   TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, list, address)
) {{without_rowid}};

CREATE INDEX contacts_handle ON contacts (handle);

-- What contacts have said of topics. One of a topic that the list has no more is kept: who
-- did not want it does not want it when it comes back.
CREATE TABLE contact_preferences (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  list         BIGINT NOT NULL,
  address      TEXT NOT NULL,
  topic        TEXT NOT NULL,
  opted_out    INTEGER NOT NULL,
  PRIMARY KEY (account, region, list, address, topic)
) {{without_rowid}};
