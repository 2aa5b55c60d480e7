/* One row a discrepancy: a record that refers to one which is not there. */
MODEL (
  name discrepancy.orphan_reference,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain id,
  audits (unique_values(columns := (id)), not_null(columns := (id, hub_id)))
);

@orphan_reference()
