/* One row an entity and band: how many pairs of records are in it, and how many of them are one thing by their weights, without labels. */
MODEL (
  name mart.match_band,
  kind VIEW,
  grain (entity, band)
);

@match_bands()
