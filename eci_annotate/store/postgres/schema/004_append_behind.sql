-- Append as append_events does, if another stream has `a_records_behind` records then; false, and nothing, otherwise.
-- append_events holds the feed until the transaction ends, as each append does: nothing is added to the other stream
-- between this look at it and the commit.
CREATE FUNCTION append_behind(
  a_behind text, a_records_behind integer, a_name text, a_expected integer, a_records text[],
  a_project text, a_key text, a_words text[], a_order text[], a_card text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT append_events(a_name, a_expected, a_records, a_project, a_key, a_words, a_order, a_card) THEN
    RETURN false;
  END IF;
  IF coalesce((SELECT records FROM streams WHERE name = a_behind), 0) <> a_records_behind THEN
    RAISE SQLSTATE 'ECI01';
  END IF;
  RETURN true;
EXCEPTION WHEN SQLSTATE 'ECI01' THEN
  RETURN false;
END $$;
