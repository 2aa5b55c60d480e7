/* One row a kind of exception and owner: how many wait for a person, and since when. */
MODEL (
  name mart.exception,
  kind VIEW,
  grain (kind, owner)
);

SELECT
  e.kind::TEXT AS kind,
  e.owner::TEXT AS owner,
  count(*)::BIGINT AS exception_count,
  min(e.opened_at)::TIMESTAMP AS oldest_at
FROM journal.exception AS e
GROUP BY e.kind, e.owner;
