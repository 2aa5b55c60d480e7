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
    # Tied when few are left. A record in quarantine is known, and waits: who refers to it is no orphan.
    few = f"""(
        SELECT r.*, t.record_ref IS NULL AS is_unknown
        FROM {records_of(evaluator, of)} AS r
        LEFT JOIN canonical.{field.to} AS t ON t.record_ref = r.{name}_ref
        WHERE r.is_live AND r.{name}_ref IS NOT NULL AND NOT COALESCE(t.is_live, FALSE)
          AND r.{name}_ref NOT IN (SELECT {joined(":", "system", "object", "record_id")} FROM capture.quarantine))"""
    return row(
        "orphan_reference",
        of,
        hub_id="m.hub_id",
        system="m.system",
        each="m.object",
        record_ref="m.record_ref",
        field=f"'{name}'",
        said=f"to_json({{'{name}_ref': m.{name}_ref}})",
        owner="m.role",
        says=f"'refers to ' || m.{name}_ref || ', which is ' || CASE WHEN m.is_unknown THEN 'not known' ELSE 'gone' END",
        rest=f"FROM {tied(evaluator, few)} AS m",
    )
