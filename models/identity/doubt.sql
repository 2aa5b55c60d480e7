/* One row a thing and record that may be one and wait for a steward: until then nothing is created for the thing where the record is. */
MODEL (
  name identity.doubt,
  kind VIEW
);

@doubts()
