-- Templates of custom verification mails (SES: custom verification email templates). The
-- content is last, so that a list does not read it.

CREATE TABLE verification_templates (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  from_address TEXT NOT NULL,
  subject      TEXT NOT NULL,
  success_url  TEXT NOT NULL,
  failure_url  TEXT NOT NULL,
  tags         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  content      TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
) {{without_rowid}};

CREATE INDEX notices_due ON notices (lease_until);
