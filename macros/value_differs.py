"""Values that differ from the golden one where ownership demands a mirror."""

from sqlmesh import macro

from macros.canonical import firm_rules, members_of
from macros.discrepancy import row, stake, union
from macros.survivorship import value_columns


@macro()
def value_differs(evaluator):
    """Values that differ from the golden one where ownership demands a mirror."""
    the_rules = firm_rules(evaluator)
    return union(
        differing(the_rules, system, each, members_of(evaluator, each.of))
        for system in the_rules.systems
        for each in system.objects.values()
    )


def differing(the_rules, system, each, members):
    """Records of one object that do not carry the golden value of a field that they must mirror."""
    found = [difference(the_rules.entities[each.of].fields[name], name, *how) for name, *how in mirrored(the_rules, system, each)]
    if not found:
        return None
    money, currency, join = stake(the_rules, each.of, "g")
    listed = ", ".join(f"CASE WHEN {test} THEN {value} END" for test, value in found)
    rest = f"""
      FROM (
        SELECT m.record_ref, m.hub_id, {money} AS money, {currency} AS currency, unnest(list_filter([{listed}], x -> x IS NOT NULL)) AS d
        FROM {members} AS m
        JOIN golden.{each.of} AS g ON g.hub_id = m.hub_id
        {join}
        WHERE m.system = '{system.system}' AND m.object = '{each.name}' AND m.is_live AND ({" OR ".join(f"({test})" for test, _ in found)})
      ) AS f"""
    return row(
        "value_differs",
        each.of,
        hub_id="f.hub_id",
        system=f"'{system.system}'",
        each=f"'{each.name}'",
        record_ref="f.record_ref",
        field="f.d.field",
        said="f.d.said",
        should="f.d.should",
        money="COALESCE(f.d.gap, f.money)",
        currency="f.currency",
        owner=f"'{system.role}'",
        says="f.d.field || ' is owned by ' || f.d.owner || f.d.how || f.d.given",
        rest=rest,
    )


def difference(field, name, columns, holds, owner):
    """(SQL that tells whether a record differs in a field, SQL of what there is to say about it then)."""
    is_cleared = f"list_contains(g.cleared, '{name}')"
    # A value that nobody gives is never asked for as empty; one that was cleared on purpose is.
    known = " OR ".join([*(f"g.{column} IS NOT NULL" for column in columns), is_cleared])
    differs = " OR ".join(f"m.{column} IS DISTINCT FROM g.{column}" for column in columns)
    gap = f"abs(COALESCE(m.{columns[0]}, 0) - g.{columns[0]})" if field.type == "money" else "NULL"
    said = (
        f"{{'field': '{name}', 'said': {as_json('m', columns)}, 'should': {as_json('g', columns)}, "
        f"'gap': ({gap})::DECIMAL(18,2), 'owner': '{owner}', "
        f"'how': CASE WHEN {is_cleared} THEN ' and was cleared in ' ELSE ' and came from ' END, 'given': g.{name}_from}}"
    )
    return f"{holds} AND ({known}) AND ({differs})", said


def mirrored(the_rules, system, each):
    """(field name, mapped columns, SQL that tells whether this object must mirror it now, owner) for each mirrored field."""
    entity = the_rules.entities[each.of]
    for name, field in entity.fields.items():
        columns = [column for column in value_columns(name, field) if column in each.columns()]
        for rule in the_rules.owner(each.of).rules(name):
            if columns and system.role in rule.mirror:
                states = ", ".join(f"'{state}'" for state in rule.states)
                yield name, columns, f"g.life_cycle IN ({states})" if states else "TRUE", rule.owner


def as_json(alias, columns):
    return "to_json({" + ", ".join(f"'{column}': {alias}.{column}" for column in columns) + "})"
