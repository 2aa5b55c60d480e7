/* One row a currency: the money at stake in all discrepancies, each thing once, however many ways it is wrong in. */
MODEL (
  name mart.at_stake,
  kind VIEW,
  grain currency
);

WITH thing AS (
  SELECT
    f.entity,
    COALESCE(f.hub_id, f.id) AS thing,
    f.currency,
    count(*) AS discrepancy_count,
    max(f.money) AS money
  FROM discrepancy.found AS f
  WHERE f.money > 0 AND f.currency IS NOT NULL
  GROUP BY f.entity, COALESCE(f.hub_id, f.id), f.currency
)
SELECT
  t.currency::TEXT AS currency,
  sum(t.discrepancy_count)::BIGINT AS discrepancy_count,
  sum(t.money)::DECIMAL(18, 2) AS money
FROM thing AS t
GROUP BY t.currency
