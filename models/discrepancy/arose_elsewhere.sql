/* One row a discrepancy: a thing that arose in a role where none may. */
MODEL (
  name discrepancy.arose_elsewhere,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain id,
  audits (unique_values(columns := (id)), not_null(columns := (id, hub_id)))
);

@arose_elsewhere()
