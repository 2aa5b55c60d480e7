/* One row a discrepancy of any class, as of this cycle. */
MODEL (
  name discrepancy.found,
  kind VIEW,
  grain id
);

SELECT * FROM discrepancy.value_differs
UNION ALL BY NAME
SELECT * FROM discrepancy.missing_counterpart
UNION ALL BY NAME
SELECT * FROM discrepancy.duplicate
UNION ALL BY NAME
SELECT * FROM discrepancy.orphan_reference
UNION ALL BY NAME
SELECT * FROM discrepancy.sum_differs
