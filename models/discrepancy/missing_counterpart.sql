/* One row a discrepancy: a thing that a role must hold, and does not. */
MODEL (
  name discrepancy.missing_counterpart,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain id,
  audits (unique_values(columns := (id)), not_null(columns := (id, hub_id)))
);

@missing_counterpart()
