"""Live records that refer to a record which is not there, or no longer."""

from sqlmesh import macro

from macros.canonical import firm_rules, joined, records_of, tied
from macros.discrepancy import row, union


@macro()
def orphan_reference(evaluator):
    """Live records that refer to a record which is not there, or no longer."""
    the_rules = firm_rules(evaluator)
    return union(
        astray(evaluator, of, name, field)
        for of, entity in the_rules.entities.items()
        for name, field in entity.fields.items()
        if field.type == "reference" and field.to in the_rules.entities
    )


def astray(evaluator, of, name, field):
    records, ref = records_of(evaluator, of), f"{name}_ref"
    # A record in quarantine is known, and waits: who refers to it is no orphan.
    nowhere = f"""
          SELECT DISTINCT r.{ref}, t.record_ref IS NULL AS is_unknown
          FROM {records} AS r
          LEFT JOIN canonical.{field.to} AS t ON t.record_ref = r.{ref}
          WHERE r.is_live AND r.{ref} IS NOT NULL AND NOT COALESCE(t.is_live, FALSE)
            AND r.{ref} NOT IN (SELECT {joined(":", "system", "object", "record_id")} FROM capture.quarantine)"""
    # Only who refers there is read whole, and tied.
    few = f"(SELECT r.*, n.is_unknown FROM ({nowhere}) AS n JOIN {records} AS r ON r.{ref} = n.{ref} WHERE r.is_live)"
    return row(
        "orphan_reference",
        of,
        hub_id="m.hub_id",
        system="m.system",
        each="m.object",
        record_ref="m.record_ref",
        field=f"'{name}'",
        said=f"to_json({{'{ref}': m.{ref}}})",
        owner="m.role",
        says=f"'refers to ' || m.{ref} || ', which is ' || CASE WHEN m.is_unknown THEN 'not known' ELSE 'gone' END",
        rest=f"FROM {tied(evaluator, few)} AS m",
    )
