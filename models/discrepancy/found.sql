/* One row a discrepancy of any class, as of this cycle. */
MODEL (
  name discrepancy.found,
  kind VIEW,
  grain id
);

@found()
