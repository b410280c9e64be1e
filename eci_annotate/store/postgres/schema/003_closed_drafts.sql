-- A draft that is signed takes no more entries, whichever process is asked.
ALTER TABLE drafts ADD COLUMN closed boolean NOT NULL DEFAULT false;

-- Raise the fence, and carry over the owner's newest draft of the same version; false when the fence is an older one.
-- Under the same fence it opens the draft again.
CREATE OR REPLACE FUNCTION open_draft(
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
      UPDATE drafts SET closed = false WHERE id = v_draft AND fence = a_fence AND closed;
      RETURN v_fence = a_fence;
    END IF;
    UPDATE drafts SET fence = a_fence, until = a_until, owner = a_owner, version = a_version, closed = false
      WHERE id = v_draft;
    EXIT;
  END LOOP;
  SELECT max(fence) INTO v_past FROM journals WHERE draft = v_draft AND owner = a_owner AND version = a_version;
  INSERT INTO journals VALUES (v_draft, a_fence, a_until, a_owner, a_version);
  INSERT INTO entries SELECT v_draft, a_fence, index, entry FROM entries WHERE draft = v_draft AND fence = v_past;
  RETURN true;
END $$;

-- Add entries to the journal of the newest fence; false when `a_fence` is not that, or the draft is closed.
CREATE OR REPLACE FUNCTION append_entries(
  a_project text, a_subject text, a_task text, a_fence integer, a_entries text[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_draft bigint;
  v_last integer;
BEGIN
  SELECT id INTO v_draft FROM drafts
    WHERE project = a_project AND subject = a_subject AND task = a_task AND fence = a_fence AND NOT closed FOR UPDATE;
  IF v_draft IS NULL THEN
    RETURN false;
  END IF;
  SELECT max(index) INTO v_last FROM entries WHERE draft = v_draft AND fence = a_fence;
  INSERT INTO entries SELECT v_draft, a_fence, coalesce(v_last, -1) + n, e
    FROM unnest(a_entries) WITH ORDINALITY AS u (e, n);
  RETURN true;
END $$;
