-- Whether the recipients of a message have one return path, and those of a destination get
-- it in one transaction.
ALTER TABLE messages ADD COLUMN shared_return_path SMALLINT NOT NULL DEFAULT 0;
