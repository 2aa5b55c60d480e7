"""What to do about it: identity, cases, plan, approval, push, explanation, report. Knows no Dagster and no SQLMesh."""
