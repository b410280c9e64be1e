-- Everything is text as it was spelt (digests rest on it), compared code point by code point.

-- The feed: one row. Whoever appends updates it, and holds its lock until the commit; so positions become
-- visible in their order, and no reader ever sees n + 1 before n.
CREATE TABLE feed (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  position bigint NOT NULL
);
INSERT INTO feed (position) VALUES (0);

CREATE TABLE streams (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  records integer NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE events (
  position bigint PRIMARY KEY,
  stream bigint NOT NULL,
  index integer NOT NULL,
  record text NOT NULL,
  UNIQUE (stream, index)
);

-- Cards have few distinct sets of words. Each set is one row with the number of its cards, so that the total
-- of any filter is a sum over few rows, and a card is filtered by one integer.
CREATE TABLE kinds (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  words text[] COLLATE "C" NOT NULL,
  cards integer NOT NULL,
  UNIQUE (project, key)
) WITH (fillfactor = 50);

CREATE TABLE cards (
  stream bigint PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL,
  kind integer NOT NULL,
  subject text COLLATE "C" NOT NULL,
  site text COLLATE "C" NOT NULL,
  cohort text COLLATE "C" NOT NULL,
  stage text COLLATE "C" NOT NULL,
  progress text COLLATE "C" NOT NULL,
  card text NOT NULL
) WITH ( -- pages walk indexes alone, which needs a table that is vacuumed often
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX cards_kind ON cards (kind);
CREATE INDEX cards_subject ON cards (project, subject, name) INCLUDE (kind, stream);
CREATE INDEX cards_site ON cards (project, site, subject, name) INCLUDE (kind, stream);
CREATE INDEX cards_cohort ON cards (project, cohort, subject, name) INCLUDE (kind, stream);
CREATE INDEX cards_stage ON cards (project, stage, subject, name) INCLUDE (kind, stream);
CREATE INDEX cards_progress ON cards (project, progress, subject, name) INCLUDE (kind, stream);

CREATE TABLE blobs (
  scope text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (scope, digest)
);
ALTER TABLE blobs ALTER COLUMN content SET STORAGE EXTERNAL;

-- A draft's row is its holder; a lock on it is what a fence is checked under.
CREATE TABLE drafts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  task text COLLATE "C" NOT NULL,
  fence integer NOT NULL,
  until text NOT NULL,
  owner text NOT NULL,
  version integer NOT NULL,
  UNIQUE (project, subject, task)
);

CREATE TABLE journals (
  draft bigint NOT NULL REFERENCES drafts ON DELETE CASCADE,
  fence integer NOT NULL,
  until text NOT NULL,
  owner text NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (draft, fence)
);

CREATE TABLE entries (
  draft bigint NOT NULL,
  fence integer NOT NULL,
  index integer NOT NULL,
  entry text NOT NULL,
  PRIMARY KEY (draft, fence, index),
  FOREIGN KEY (draft, fence) REFERENCES journals ON DELETE CASCADE
);

CREATE TABLE months (
  month text COLLATE "C" PRIMARY KEY,
  records integer NOT NULL,
  digest text NOT NULL
);

CREATE TABLE access (
  month text COLLATE "C" NOT NULL REFERENCES months,
  index integer NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (month, index)
);

-- Replace a stream's card. Call it with the feed's row locked: that keeps the counts of kinds right.
CREATE FUNCTION put_card(
  a_stream bigint, a_name text, a_project text, a_key text, a_words text[], a_order text[], a_card text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_old integer;
  v_new integer;
BEGIN
  SELECT kind INTO v_old FROM cards WHERE stream = a_stream;
  SELECT id INTO v_new FROM kinds WHERE project = a_project AND key = a_key;
  IF v_new IS NULL THEN
    INSERT INTO kinds (project, key, words, cards) VALUES (a_project, a_key, a_words, 1) RETURNING id INTO v_new;
  ELSIF v_new IS DISTINCT FROM v_old THEN
    UPDATE kinds SET cards = cards + 1 WHERE id = v_new;
  END IF;
  IF v_old IS DISTINCT FROM v_new THEN
    UPDATE kinds SET cards = cards - 1 WHERE id = v_old;
    DELETE FROM kinds WHERE id = v_old AND cards = 0;
  END IF;
  INSERT INTO cards VALUES (
    a_stream, a_name, a_project, v_new, a_order[1], a_order[2], a_order[3], a_order[4], a_order[5], a_card
  ) ON CONFLICT (stream) DO UPDATE SET
    project = excluded.project, kind = excluded.kind, subject = excluded.subject, site = excluded.site,
    cohort = excluded.cohort, stage = excluded.stage, progress = excluded.progress, card = excluded.card;
END $$;

-- Add records behind those that are expected, and the card when there is one; false when others were faster.
CREATE FUNCTION append_events(
  a_name text, a_expected integer, a_records text[],
  a_project text, a_key text, a_words text[], a_order text[], a_card text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_count integer := cardinality(a_records);
  v_stream bigint;
  v_before bigint;
BEGIN
  IF a_expected = 0 THEN
    INSERT INTO streams (name, records) VALUES (a_name, v_count) ON CONFLICT DO NOTHING RETURNING id INTO v_stream;
  ELSE
    UPDATE streams SET records = records + v_count WHERE name = a_name AND records = a_expected
    RETURNING id INTO v_stream;
  END IF;
  IF v_stream IS NULL THEN
    RETURN false;
  END IF;
  UPDATE feed SET position = position + v_count RETURNING position - v_count INTO v_before;
  INSERT INTO events SELECT v_before + n, v_stream, a_expected + n - 1, r
    FROM unnest(a_records) WITH ORDINALITY AS u (r, n);
  IF a_project IS NOT NULL THEN
    PERFORM put_card(v_stream, a_name, a_project, a_key, a_words, a_order, a_card);
  END IF;
  RETURN true;
END $$;

-- Replace a card without records: null when there is no such stream, false when it has not `a_expected` records.
CREATE FUNCTION replace_card(
  a_name text, a_expected integer, a_project text, a_key text, a_words text[], a_order text[], a_card text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_stream bigint;
  v_records integer;
BEGIN
  SELECT id, records INTO v_stream, v_records FROM streams WHERE name = a_name FOR NO KEY UPDATE;
  IF coalesce(v_records, 0) <> a_expected THEN
    RETURN false;
  ELSIF v_stream IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM 1 FROM feed FOR NO KEY UPDATE;
  PERFORM put_card(v_stream, a_name, a_project, a_key, a_words, a_order, a_card);
  RETURN true;
END $$;

-- Raise the fence, and carry over the owner's newest draft of the same version; false when the fence is an older one.
CREATE FUNCTION open_draft(
  a_project text, a_subject text, a_task text, a_fence integer, a_until text, a_owner text, a_version integer
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_draft bigint;
  v_fence integer;
  v_past integer;
BEGIN
  LOOP
    INSERT INTO drafts (project, subject, task, fence, until, owner, version)
      VALUES (a_project, a_subject, a_task, a_fence, a_until, a_owner, a_version) ON CONFLICT DO NOTHING
      RETURNING id INTO v_draft;
    EXIT WHEN v_draft IS NOT NULL;
    SELECT id, fence INTO v_draft, v_fence FROM drafts
      WHERE project = a_project AND subject = a_subject AND task = a_task FOR UPDATE;
    CONTINUE WHEN v_draft IS NULL; -- dropped in between
    IF v_fence >= a_fence THEN
      RETURN v_fence = a_fence;
    END IF;
    UPDATE drafts SET fence = a_fence, until = a_until, owner = a_owner, version = a_version WHERE id = v_draft;
    EXIT;
  END LOOP;
  SELECT max(fence) INTO v_past FROM journals WHERE draft = v_draft AND owner = a_owner AND version = a_version;
  INSERT INTO journals VALUES (v_draft, a_fence, a_until, a_owner, a_version);
  INSERT INTO entries SELECT v_draft, a_fence, index, entry FROM entries WHERE draft = v_draft AND fence = v_past;
  RETURN true;
END $$;

-- Add entries to the journal of the newest fence; false when `a_fence` is not that.
CREATE FUNCTION append_entries(
  a_project text, a_subject text, a_task text, a_fence integer, a_entries text[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_draft bigint;
  v_last integer;
BEGIN
  SELECT id INTO v_draft FROM drafts
    WHERE project = a_project AND subject = a_subject AND task = a_task AND fence = a_fence FOR UPDATE;
  IF v_draft IS NULL THEN
    RETURN false;
  END IF;
  SELECT max(index) INTO v_last FROM entries WHERE draft = v_draft AND fence = a_fence;
  INSERT INTO entries SELECT v_draft, a_fence, coalesce(v_last, -1) + n, e
    FROM unnest(a_entries) WITH ORDINALITY AS u (e, n);
  RETURN true;
END $$;
