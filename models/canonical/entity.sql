/* One row a record of any system, in the canonical words. */
MODEL (
  name canonical.@entity,
  blueprints @entities(),
  kind CUSTOM (materialization 'touched', materialization_properties (key = record_ref, touched = work.touched_record, stays = true)),
  grain record_ref,
  audits (unique_values(columns := (record_ref)), not_null(columns := (record_ref, is_live)))
);

@canonical(@entity)
