-- Who asks for a certificate by the name of a host has to be told at once whether that is
-- the tracking domain of a set. In lower case; '' for none.
ALTER TABLE configuration_sets ADD COLUMN tracking_domain TEXT NOT NULL DEFAULT '';

CREATE INDEX configuration_sets_tracking ON configuration_sets (tracking_domain) WHERE tracking_domain <> '';
