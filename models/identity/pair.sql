/* One row a pair of records that may be one, with the weight of the evidence. */
MODEL (
  name identity.@{entity}_pair,
  blueprints @resolved_entities(),
  kind CUSTOM (materialization 'touched', materialization_properties (key = record_ref, touched = work.touched_record, columns = 'left_ref, right_ref', keeps = 'left_ref, right_ref, verdict')),
  grain (left_ref, right_ref)
);

@pairs(@entity)
