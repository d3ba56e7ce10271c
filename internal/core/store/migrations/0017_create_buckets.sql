-- Buckets of an account in a region. Two accounts may have buckets of one name.
CREATE TABLE buckets (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  name         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, name)
) {{without_rowid}};

-- The objects in buckets. name is the key, as octets, so that it sorts by them; file is
-- where the content is. meta is a JSON object of headers.
CREATE TABLE bucket_objects (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  bucket       TEXT NOT NULL,
  name         {{blob}} NOT NULL,
  size         BIGINT NOT NULL,
  etag         TEXT NOT NULL,
  meta         TEXT NOT NULL,
  file         TEXT NOT NULL,
  modified_at  BIGINT NOT NULL,
  PRIMARY KEY (account, region, bucket, name)
) {{without_rowid}};

CREATE INDEX bucket_objects_by_file ON bucket_objects (file);

-- Objects that are being uploaded in parts.
CREATE TABLE bucket_uploads (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  bucket       TEXT NOT NULL,
  name         {{blob}} NOT NULL,
  id           TEXT NOT NULL,
  meta         TEXT NOT NULL,
  started_at   BIGINT NOT NULL,
  PRIMARY KEY (account, region, bucket, name, id)
) {{without_rowid}};

CREATE INDEX bucket_uploads_by_start ON bucket_uploads (started_at);

CREATE TABLE bucket_parts (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  upload       TEXT NOT NULL,
  n            BIGINT NOT NULL,
  size         BIGINT NOT NULL,
  etag         TEXT NOT NULL,
  file         TEXT NOT NULL,
  modified_at  BIGINT NOT NULL,
  PRIMARY KEY (account, region, upload, n)
) {{without_rowid}};

CREATE INDEX bucket_parts_by_file ON bucket_parts (file);

-- Import jobs (SES API v2: CreateImportJob). processed counts the records that are dealt
-- with, in the order of the file; etag is of the file that was begun with. A node works on
-- a job until leased_until, which it renews.
CREATE TABLE import_jobs (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  id           TEXT NOT NULL,
  destination  TEXT NOT NULL,
  action       TEXT NOT NULL,
  list         TEXT NOT NULL,
  url          TEXT NOT NULL,
  format       TEXT NOT NULL,
  state        TEXT NOT NULL,
  error        TEXT NOT NULL,
  etag         TEXT NOT NULL,
  processed    BIGINT NOT NULL,
  failed       BIGINT NOT NULL,
  reported     INTEGER NOT NULL,
  created_at   BIGINT NOT NULL,
  completed_at BIGINT NOT NULL,
  lease        TEXT NOT NULL,
  leased_until BIGINT NOT NULL,
  PRIMARY KEY (account, region, id)
) {{without_rowid}};

CREATE INDEX import_jobs_by_time ON import_jobs (account, region, created_at, id);

CREATE INDEX import_jobs_due ON import_jobs (state, leased_until);

-- The records of a job that failed, until they are written to an object at its end.
CREATE TABLE import_failures (
  account      TEXT NOT NULL,
  region       TEXT NOT NULL,
  job          TEXT NOT NULL,
  n            BIGINT NOT NULL,
  record       {{blob}} NOT NULL,
  error        TEXT NOT NULL,
  PRIMARY KEY (account, region, job, n)
) {{without_rowid}};
