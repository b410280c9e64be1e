-- Append as append_events does, if each of other streams has its number of `a_heads` records then; false, and nothing,
-- otherwise. append_events holds the feed until the transaction ends, as each append does: nothing is added to the other
-- streams between this look at them and the commit.
CREATE FUNCTION append_behind(
  a_behind text[], a_heads integer[], a_name text, a_expected integer, a_records text[],
  a_project text, a_key text, a_words text[], a_order text[], a_card text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT append_events(a_name, a_expected, a_records, a_project, a_key, a_words, a_order, a_card) THEN
    RETURN false;
  END IF;
  IF EXISTS (
    SELECT FROM unnest(a_behind, a_heads) AS wanted (name, records) LEFT JOIN streams USING (name)
    WHERE coalesce(streams.records, 0) <> wanted.records
  ) THEN
    RAISE SQLSTATE 'ECI01';
  END IF;
  RETURN true;
EXCEPTION WHEN SQLSTATE 'ECI01' THEN
  RETURN false;
END $$;
