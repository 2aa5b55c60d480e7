/* One row an entity and system: how many live records it holds, and how many real things they are. */
MODEL (
  name mart.record_count,
  kind VIEW,
  grain (entity, system)
);

@record_counts()
