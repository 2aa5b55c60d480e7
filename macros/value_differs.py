"""Values that differ from the golden one where ownership demands a mirror."""

from sqlmesh import macro

from macros.canonical import firm_rules, members_of, records_of, tied
from macros.discrepancy import row, stake, union
from macros.survivorship import holds, value_columns


@macro()
def value_differs(evaluator):
    """Values that differ from the golden one where ownership demands a mirror."""
    the_rules = firm_rules(evaluator)
    return union(differing(evaluator, the_rules, system, each) for system in the_rules.systems for each in system.objects.values())


def differing(evaluator, the_rules, system, each):
    """Records of one object that do not carry the golden value of a field that they must mirror; `not_owned` where somebody changed it there."""
    fields, must = the_rules.entities[each.of].fields, list(mirrored(the_rules, system, each))
    found = [difference(fields[name], name, *how) for name, *how in must]
    if not found:
        return None
    there = f"m.system = '{system.system}' AND m.object = '{each.name}' AND m.is_live"
    columns = [column for _, columns, *_ in must for column in columns]
    refers = any(fields[name].type == "reference" for name, *_ in must)  # a hub id then, which no canonical record has
    few = refers or evaluator.locals.get("touched_only")
    members = members_of(evaluator, each.of, referring=refers) if few else apart(evaluator, each.of, there, columns)
    money, currency, join = stake(the_rules, each.of, "g")
    played = f" AND g.{system.role}_system = '{system.system}'" if system.role in the_rules.cut(each.of) else ""
    listed = ", ".join(f"CASE WHEN {test} THEN {value} END" for test, value in found)
    rest = f"""
      FROM (
        SELECT m.record_ref, m.hub_id, m.changed_at, m.edited_by, {money} AS money, {currency} AS currency, unnest(list_filter([{listed}], x -> x IS NOT NULL)) AS d
        FROM {members} AS m
        JOIN golden.{each.of} AS g ON g.hub_id = m.hub_id
        {join}
        WHERE {there}{played} AND ({" OR ".join(f"({test})" for test, _ in found)})
      ) AS f
      LEFT JOIN {records_of(evaluator, each.of)} AS w ON w.record_ref = f.d.given"""
    edited = is_edited(system)  # never where the value is a steward's pin, which no record gave
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
        owner=f"CASE WHEN {edited} AND f.d.conflict = 'raise' THEN f.d.owner ELSE '{system.role}' END",
        says=f"f.d.field || ' is owned by ' || f.d.owner || f.d.how || f.d.given || CASE WHEN {edited} THEN {by_whom()} ELSE '' END",
        rest=rest,
        shown_as=f"CASE WHEN {edited} THEN 'not_owned' ELSE 'value_differs' END",
    )


def apart(evaluator, of, there, columns):
    """The records that do not say what the golden one says in some columns, with their hub ids.

    Most do, and one number tells: to carry the values of all records through both joins took a third longer.
    """
    said = f"hash({', '.join(columns)}) AS said"
    # In a SELECT each, for DuckDB puts the joins of one in any order; and it expects little of an anti join, but of <> it may expect millions.
    return f"""(
          SELECT c.*, a.hub_id
          FROM (
            SELECT s.record_ref, s.hub_id
            FROM {tied(evaluator, f"(SELECT m.record_ref, {said} FROM canonical.{of} AS m WHERE {there})")} AS s
            ANTI JOIN (SELECT hub_id, {said} FROM golden.{of}) AS g ON g.hub_id = s.hub_id AND g.said = s.said
          ) AS a
          JOIN canonical.{of} AS c ON c.record_ref = a.record_ref)"""


def is_edited(system):
    """SQL that tells whether a mirror says something else because somebody changed it there, after its owner had said what it should say."""
    stood = "COALESCE(list_max(list_transform(f.d.stamped, c -> w.field_changed_at[c])), w.first_at)"
    ours = f" AND f.edited_by IS DISTINCT FROM '{system.user}'" if system.user else ""
    return f"COALESCE(f.d.changed_at > {stood}{ours}, FALSE)"


def by_whom():
    """SQL for who changed a mirror, and when. A record names its last editor: when it changed again since, that may be another."""
    editor = "CASE WHEN f.edited_by IS NOT NULL AND f.changed_at = f.d.changed_at THEN f.edited_by ELSE 'somebody' END"
    then = "CASE WHEN f.d.conflict = 'raise' THEN '; ' || f.d.owner || ' has to say' ELSE '' END"
    return f"'; ' || {editor} || ' changed it here on ' || f.d.changed_at::DATE::TEXT || {then}"


def difference(field, name, columns, in_force, rule):
    """(SQL that tells whether a record differs in a field, SQL of what there is to say about it then)."""
    is_cleared = f"list_contains(g.cleared, '{name}')"
    # A value that nobody gives is never asked for as empty; one that was cleared on purpose is.
    known = " OR ".join([*(f"g.{column} IS NOT NULL" for column in columns), is_cleared])
    differs = " OR ".join(f"m.{column} IS DISTINCT FROM g.{column}" for column in columns)
    source_columns = list(field.columns(name))  # a reference is stamped as its record says it, not as a hub id
    stamps = ", ".join(f"m.field_changed_at['{column}']" for column in source_columns)
    gap = f"abs(COALESCE(m.{columns[0]}, 0) - g.{columns[0]})" if field.type == "money" else "NULL"
    said = (
        f"{{'field': '{name}', 'said': {as_json('m', columns)}, 'should': {as_json('g', columns)}, "
        f"'gap': ({gap})::DECIMAL(18,2), 'owner': '{rule.owner}', 'conflict': '{rule.conflict}', "
        f"'stamped': {source_columns}, 'changed_at': greatest({stamps}), "
        f"'how': CASE WHEN {is_cleared} THEN ' and was cleared in ' ELSE ' and came from ' END, 'given': g.{name}_from}}"
    )
    return f"{in_force} AND ({known}) AND ({differs})", said


def mirrored(the_rules, system, each):
    """(field name, mapped columns, SQL that tells whether this object must mirror it now, rule) for each mirrored field."""
    entity = the_rules.entities[each.of]
    for name, field in entity.fields.items():
        columns = [column for column in value_columns(name, field) if column in each.columns()]
        rules = the_rules.owner(each.of).rules(name)
        for rule in rules:
            if columns and system.role in rule.mirror:
                far = f"list_position({entity.life_cycle}, g.life_cycle)"
                yield name, columns, holds(entity, rule, rules, far, "g.legal_entity"), rule


def as_json(alias, columns):
    return "to_json({" + ", ".join(f"'{column}': {alias}.{column}" for column in columns) + "})"
