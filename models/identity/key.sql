/* One row a live record: the narrow keys by which it is matched, in normal form. */
MODEL (
  name identity.@{entity}_key,
  blueprints @resolved_entities(),
  kind CUSTOM (materialization 'touched', materialization_properties (key = record_ref, touched = work.touched_record, numbers = record_ref_hash, keeps = 'COLUMNS(''_hash$'')')),
  grain record_ref
);

@match_keys(@entity)
