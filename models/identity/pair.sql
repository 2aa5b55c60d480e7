/* One row a pair of records that may be one, with the weight of the evidence. */
MODEL (
  name identity.@{entity}_pair,
  blueprints @resolved_entities(),
  kind CUSTOM (materialization 'touched', materialization_properties (key = record_ref, touched = work.touched_record, columns = 'left_ref, right_ref', numbers = 'left_number, right_number', keeps = 'left_number, right_number, verdict')),
  grain (left_ref, right_ref)
);

@pairs(@entity)
