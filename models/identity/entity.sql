/* One row a record, with the hub id of its cluster and those of what it refers to. */
MODEL (
  name identity.@entity,
  blueprints @entities(),
  kind VIEW
);

@members(@entity)
