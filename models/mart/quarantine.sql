/* One row an object with broken rows: how many wait in quarantine for a correction and a replay. */
MODEL (
  name mart.quarantine,
  kind VIEW,
  grain (system, object)
);

SELECT
  q.system::TEXT AS system,
  q.object::TEXT AS object,
  count(*)::BIGINT AS record_count,
  min(s.taken_at)::TIMESTAMP AS oldest_at  -- of the reads in which they last came
FROM capture.quarantine AS q
LEFT JOIN capture.snapshot AS s ON s.id = q.snapshot  -- absent once its evidence was cleared away
GROUP BY q.system, q.object;
