-- Zones that anybody may change by dynamic updates (RFC 2136): the customers' zones of a
-- development server. records is the zone as a master file, version grows with each
-- change.
CREATE TABLE dns_zones (
  zone     TEXT NOT NULL,
  version  BIGINT NOT NULL,
  records  TEXT NOT NULL,
  PRIMARY KEY (zone)
) {{without_rowid}};

-- Records of the service's zone that are at the server of somebody else, by our updates.
-- digest is the SHA-256 of the record, in hexadecimal.
CREATE TABLE dns_pushed (
  digest  TEXT NOT NULL,
  record  TEXT NOT NULL,
  PRIMARY KEY (digest)
) {{without_rowid}};
