/* One row a discrepancy: a record beyond the first that is the same thing in the same object. */
MODEL (
  name discrepancy.duplicate,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain id,
  audits (unique_values(columns := (id)), not_null(columns := (id, hub_id)))
);

@duplicate()
