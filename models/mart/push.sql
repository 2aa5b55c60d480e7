/* One row a system, object, day and state: the corrections that were sent, and what became of them. */
MODEL (
  name mart.push,
  kind VIEW,
  grain (system, object, day, state)
);

SELECT
  p.system::TEXT AS system,
  p.object::TEXT AS object,
  p.intended_at::DATE AS day,
  p.state::TEXT AS state,
  count(*)::BIGINT AS line_count,                   -- corrections: one field of one record each, or one record created
  count(DISTINCT p.push_id)::BIGINT AS push_count,  -- writes: all corrections of one record are one
  count(*) FILTER (WHERE p.action = 'create')::BIGINT AS create_count
FROM journal.push AS p
GROUP BY p.system, p.object, p.intended_at::DATE, p.state;
