/* One row a discrepancy: a sum or count that two roles must agree on, and do not. */
MODEL (
  name discrepancy.sum_differs,
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain id,
  audits (unique_values(columns := (id)), not_null(columns := (id, hub_id)))
);

@sum_differs()
