-- When a blob was last kept: what nothing refers to is removed only when it is old.
ALTER TABLE blobs ADD COLUMN kept timestamptz NOT NULL DEFAULT now();
