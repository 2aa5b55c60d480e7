"""Several live records of one object that are the same thing."""

from sqlmesh import macro

from macros.canonical import firm_rules, records_of
from macros.discrepancy import row, union


@macro()
def duplicate(evaluator):
    """Several live records of one object that are the same thing: one row for each beyond the one to keep."""
    the_rules = firm_rules(evaluator)
    touched = evaluator.locals.get("touched_only")
    return union(surplus(of, records_of(evaluator, of) if touched else several(the_rules, of)) for of in the_rules.entities)


def several(the_rules, of):
    """The records of things of which an object may hold more than one: their references tell, before anything else of them is read."""
    counts = [f"count(*) FILTER (WHERE starts_with(record_ref, '{system.system}:{each.name}:'))" for system, each in the_rules.objects(of)]
    return f"""(
          SELECT c.*, x.hub_id
          FROM (
            SELECT hub_id FROM journal.crossref WHERE entity = '{of}' AND (SELECT max(record_count) FROM golden.{of}) > 1
            GROUP BY hub_id HAVING greatest({", ".join(counts)}) > 1
          ) AS s
          JOIN journal.crossref AS x ON x.hub_id = s.hub_id
          JOIN canonical.{of} AS c ON c.record_ref = x.record_ref)"""


def surplus(of, members):
    rest = f"""
      FROM (
        SELECT hub_id, system, object, role, record_ref,
          first_value(record_ref) OVER (PARTITION BY hub_id, system, object ORDER BY (hub_id_said = hub_id) DESC NULLS LAST, record_ref) AS kept
        FROM {members} AS several
        WHERE is_live
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
