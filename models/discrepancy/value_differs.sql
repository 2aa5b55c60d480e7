/* One row a discrepancy: a record that must mirror a field's owner, and says something else. */
MODEL (
  name discrepancy.value_differs,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain id,
  audits (unique_values(columns := (id)), not_null(columns := (id, hub_id)))
);

@value_differs()
