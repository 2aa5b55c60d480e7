/* One row a correction that ownership asks for: one field of one record, or one record to create. */
MODEL (
  name outbound.delta,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain line_id,
  audits (unique_values(columns := (line_id)), not_null(columns := (line_id, hub_id, system, object, want)))
);

@deltas()
