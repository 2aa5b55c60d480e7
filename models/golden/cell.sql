/* One row a field of a record behind a golden record, or a pinned one: what it says, and why its value won or lost. */
MODEL (
  name golden.cell,
  kind VIEW
);

@cells()
