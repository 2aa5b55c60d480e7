"""What must come to the same sum or count in two roles, and does not."""

from sqlmesh import macro

from macros.canonical import firm_rules, only_touched
from macros.discrepancy import row, union


@macro()
def sum_differs(evaluator):
    """What must come to the same sum or count in two roles, and does not."""
    the_rules = firm_rules(evaluator)
    return union(disagreeing(evaluator, the_rules, each) for each in the_rules.expectations if is_held(the_rules, each))


def is_held(the_rules, expected):
    """Whether the firm has what is counted, in both roles, and what it is counted for."""
    known = the_rules.entities
    return (
        expected.of in known
        and set(expected.between) <= set(the_rules.roles(expected.of))
        and known[expected.of].fields[expected.per].to in known
    )


def disagreeing(evaluator, the_rules, expected):
    believed, other = expected.between
    target = the_rules.entities[expected.of].fields[expected.per].to
    measure = f"sum(m.{expected.sum})" if expected.sum else "count(*)"
    is_money = expected.sum and the_rules.entities[expected.of].fields[expected.sum].type == "money"
    money = f"gap * g.{expected.rate}" if expected.rate else "gap" if is_money else "NULL"
    currency = f"g.{expected.rate}_currency" if expected.rate else "s.currency" if is_money else "NULL"
    system, each = next((system, each) for system, each in the_rules.objects(expected.of) if system.role == other)
    rest = f"""
      FROM (
        SELECT m.{expected.per}_id AS hub_id, {f"min(m.{expected.sum}_currency)" if is_money else "NULL"} AS currency,
          COALESCE({measure} FILTER (WHERE m.role = '{believed}'), 0) AS a, COALESCE({measure} FILTER (WHERE m.role = '{other}'), 0) AS b, abs(a - b) AS gap
        FROM identity.{expected.of} AS m
        WHERE m.is_live AND ({expected.where}) AND {only_touched(evaluator, f"m.{expected.per}_id")}
        GROUP BY m.{expected.per}_id
      ) AS s
      JOIN golden.{target} AS g ON g.hub_id = s.hub_id
      WHERE s.gap > {expected.tolerance}"""
    said = f"to_json({{'{expected.sum or 'count'}': s.b}})"
    return row(
        "sum_differs",
        target,
        hub_id="s.hub_id",
        system=f"'{system.system}'",
        each=f"'{each.name}'",
        field=f"'{expected.name}'",
        said=said,
        should=said.replace("s.b", "s.a"),
        money=money,
        currency=currency,
        owner=f"'{expected.owner}'",
        says=f"'{expected.says}'",
        rest=rest,
    )
