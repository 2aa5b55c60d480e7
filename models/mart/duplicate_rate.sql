/* One row an entity and system: the share of its live records that are the same thing as another record of the same object. */
MODEL (
  name mart.duplicate_rate,
  kind VIEW,
  grain (entity, system)
);

WITH surplus AS (
  SELECT entity, system, count(*) AS duplicate_count FROM discrepancy.duplicate GROUP BY entity, system
)
SELECT
  r.entity::TEXT AS entity,
  r.system::TEXT AS system,
  r.record_count::BIGINT AS record_count,
  COALESCE(d.duplicate_count, 0)::BIGINT AS duplicate_count,
  (COALESCE(d.duplicate_count, 0) / r.record_count)::DECIMAL(9, 6) AS duplicate_rate  -- 0.25 is a quarter
FROM mart.record_count AS r
LEFT JOIN surplus AS d ON d.entity = r.entity AND d.system = r.system;  -- absent where each thing is held once
