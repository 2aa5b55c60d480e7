/* One row a class, entity, system and currency: how many discrepancies there are, and what is at stake. */
MODEL (
  name mart.discrepancy,
  kind VIEW,
  grain (class, entity, system, currency)
);

SELECT
  f.class::TEXT AS class,
  f.entity::TEXT AS entity,
  f.system::TEXT AS system,
  f.currency::TEXT AS currency,
  count(*)::BIGINT AS discrepancy_count,
  sum(f.money)::DECIMAL(18, 2) AS money,
  min(c.opened_at)::TIMESTAMP AS oldest_at
FROM discrepancy.found AS f
LEFT JOIN journal.open_case AS c ON c.id = f.id  -- absent until the cycle that found it has closed
GROUP BY f.class, f.entity, f.system, f.currency;
