-- Names of subjects without the rest of their cards: a search for a part of a name looks at each of them, and here
-- they lie beside each other. Kept by the cards themselves.
CREATE TABLE names (
  stream bigint PRIMARY KEY,
  kind integer NOT NULL,
  subject text COLLATE "C" NOT NULL -- in lower case
) WITH (
  fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.05
);
INSERT INTO names SELECT stream, kind, lower(subject) FROM cards;

CREATE FUNCTION keep_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO names VALUES (NEW.stream, NEW.kind, lower(NEW.subject COLLATE "C"))
    ON CONFLICT (stream) DO UPDATE SET kind = excluded.kind, subject = excluded.subject
    WHERE names.kind <> excluded.kind OR names.subject <> excluded.subject;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_name AFTER INSERT OR UPDATE OF kind, subject ON cards FOR EACH ROW EXECUTE FUNCTION keep_name();
