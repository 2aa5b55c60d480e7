"""Several live records of one object that are the same thing."""

from sqlmesh import macro

from macros.canonical import firm_rules, members_of
from macros.discrepancy import row, union


@macro()
def duplicate(evaluator):
    """Several live records of one object that are the same thing: one row for each beyond the one to keep."""
    the_rules = firm_rules(evaluator)
    return union(surplus(evaluator, of) for of in the_rules.entities)


def surplus(evaluator, of):
    members = members_of(evaluator, of)
    rest = f"""
      FROM (
        SELECT hub_id, system, object, role, record_ref,
          first_value(record_ref) OVER (PARTITION BY hub_id, system, object ORDER BY (hub_id_said = hub_id) DESC NULLS LAST, record_ref) AS kept
        FROM {members} AS several
        SEMI JOIN (SELECT hub_id, system, object FROM {members} WHERE is_live GROUP BY ALL HAVING count(*) > 1) AS twice
          ON twice.hub_id = several.hub_id AND twice.system = several.system AND twice.object = several.object
        WHERE several.is_live
      ) AS m
      WHERE m.record_ref <> m.kept"""
    return row(
        "duplicate",
        of,
        hub_id="m.hub_id",
        system="m.system",
        each="m.object",
        record_ref="m.record_ref",
        owner="m.role",
        says="'the same as ' || m.kept",
        rest=rest,
    )
