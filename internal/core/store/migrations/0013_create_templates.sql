-- Email templates (SES: templates). The long columns come last: a list of names does not
-- read them.

CREATE TABLE templates (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  tags         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  subject      TEXT NOT NULL,
  text_part    TEXT NOT NULL,
  html_part    TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
);
