/* One row a real thing: the value of each field's owner, and which record gave it. */
MODEL (
  name golden.@entity,
  blueprints @entities(),
  kind CUSTOM (materialization 'touched', materialization_properties (key = hub_id, touched = work.touched)),
  grain hub_id,
  audits (unique_values(columns := (hub_id)), not_null(columns := (hub_id)))
);

@golden(@entity)
