/* One row an object: when it was last read, and what that read brought. */
MODEL (
  name mart.freshness,
  kind VIEW,
  grain (system, object)
);

SELECT
  s.system::TEXT AS system,
  s.object::TEXT AS object,
  s.taken_at::TIMESTAMP AS last_taken_at,
  s.kind::TEXT AS kind,  -- full: all records; incremental: those changed since the read before
  s.complete::BOOLEAN AS is_complete,
  s.row_count::BIGINT AS row_count,
  s.quarantined::BIGINT AS quarantined_count,
  s.watermark::TEXT AS watermark
FROM capture.snapshot AS s
QUALIFY row_number() OVER (PARTITION BY s.system, s.object ORDER BY s.taken_at DESC, s.id DESC) = 1;
