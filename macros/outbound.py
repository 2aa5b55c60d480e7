"""Discrepancies become deltas: what to write to which record, or why it is held."""

from sqlmesh import macro

from macros.canonical import firm_rules, joined, members_of, only_touched, records_of, typed
from macros.discrepancy import kind_of

COLUMNS = {
    "line_id": "Changes with what was there and what is wanted.",
    "discrepancy_id": "The discrepancy that it ends.",
    "action": "create or update.",
    "entity": "What it is about.",
    "hub_id": "Which one.",
    "system": "Where to write.",
    "object": "In which object there.",
    "record_id": "To which record; none for a create.",
    "field": "Which field; none for a create.",
    "base": "What is there, JSON by column.",
    "want": "What to write, JSON by column.",
    "why": "Which rule asks for it.",
    "held": "Why it must not be sent.",
    "money": "What is at stake.",
    "currency": "Of the money.",
}


def row(*, discrepancy, action, of, hub_id, system, each, record_id, field, base, want, why, held, money, currency, rest):
    """One SELECT of deltas, in the columns that all share. Arguments are SQL. The line id changes with what was there and what is wanted."""
    # The base is part of it: consent to change net_30 is no consent to change what somebody wrote since.
    line = f"md5({joined('|', discrepancy, record_id, field, base, want)})"
    values = [
        line,
        discrepancy,
        f"'{action}'",
        f"'{of}'",
        hub_id,
        f"'{system.system}'",
        f"'{each.name}'",
        record_id,
        field,
        base,
        want,
        why,
        held,
        money,
        currency,
    ]
    return "SELECT " + ", ".join(f"({value})::{kind_of(name)} AS {name}" for value, name in zip(values, COLUMNS)) + f" {rest}"


def posted(the_rules, system, of, alias):
    """SQL for the reason why a record is immutable, or NULL: posted finance is never written."""
    rule = the_rules.owner(of).posted
    if not rule or system.role != rule.ledger:
        return "NULL"
    return f"CASE WHEN {alias}.{rule.immutable.lstrip()} THEN 'posted; the lawful way is a {rule.instead}' END"


def updates(evaluator, the_rules, system, each):
    """Values that differ, where the object has a way back for the field, and that are this role's to correct: no others are raised as cases."""
    mapped = each.columns()
    fields = {name for name, parts in each.fields.items() if any(part.goes_back for part in parts.values())}
    if not (each.write.update and fields and mapped):
        return None
    names = ", ".join(f"'{name}'" for name in sorted(fields))
    rest = f"""
      FROM discrepancy.value_differs AS v
      JOIN {records_of(evaluator, each.of)} AS m ON m.record_ref = v.record_ref
      WHERE v.system = '{system.system}' AND v.object = '{each.name}' AND v.field IN ({names}) AND v.owner = '{system.role}' AND {only_touched(evaluator, "v.hub_id")}"""
    return row(
        discrepancy="v.id",
        action="update",
        of=each.of,
        hub_id="v.hub_id",
        system=system,
        each=each,
        record_id="m.record_id",
        field="v.field",
        base="v.said",
        want="v.should",
        why="v.says",
        held=posted(the_rules, system, each.of, "m"),
        money="v.money",
        currency="v.currency",
        rest=rest,
    )


def creates(evaluator, the_rules, system, each):
    """Records that are missing in an object that lets us create them; held until what they refer to is there."""
    if not each.write.create:
        return None
    entity = the_rules.entities[each.of]
    wanted, joins, waits = [], [], []
    for column, (_, mapped) in each.columns().items():
        if mapped.goes_back and mapped.object:
            name = column.removesuffix("_ref")
            target = entity.fields[name].to
            wanted.append(f"'{column}': {name}_t.record_id")
            joins.append(f"""LEFT JOIN (
              SELECT hub_id, min(record_id) AS record_id FROM identity.{target} WHERE system = '{system.system}' AND object = '{mapped.object}' AND is_live GROUP BY hub_id
            ) AS {name}_t ON {name}_t.hub_id = g.{name}_id""")
            waits.append(
                f"CASE WHEN g.{name}_id IS NOT NULL AND {name}_t.record_id IS NULL THEN 'waits until its {name} is in {system.system}' END"
            )
        elif mapped.goes_back:
            wanted.append(f"'{column}': g.{column}")
    held = f"COALESCE({', '.join(waits)}, NULL)" if waits else "NULL"
    rest = f"""
      FROM discrepancy.missing_counterpart AS v
      JOIN golden.{each.of} AS g ON g.hub_id = v.hub_id
      {" ".join(joins)}
      WHERE v.entity = '{each.of}' AND v.system = '{system.system}' AND v.object = '{each.name}' AND {only_touched(evaluator, "v.hub_id")}"""
    return row(
        discrepancy="v.id",
        action="create",
        of=each.of,
        hub_id="v.hub_id",
        system=system,
        each=each,
        record_id="NULL",
        field="NULL",
        base="NULL",
        want=f"to_json({{{', '.join(wanted)}}})",
        why="v.says",
        held=held,
        money="v.money",
        currency="v.currency",
        rest=rest,
    )


def returns(evaluator, the_rules, system, each):
    """Hub ids that a record does not carry yet: the reference goes back to the system, so that nobody keys it in."""
    if not (each.external_id and each.write.update and the_rules.is_resolved(each.of)):
        return None
    is_cut = system.role in the_rules.cut(each.of)  # a record of the system that does not play the role is not written to
    played = f"JOIN golden.{each.of} AS g ON g.hub_id = m.hub_id AND g.{system.role}_system = '{system.system}'" if is_cut else ""
    rest = f"""
      FROM {members_of(evaluator, each.of)} AS m
      {played}
      LEFT JOIN discrepancy.duplicate AS d ON d.record_ref = m.record_ref
      WHERE m.system = '{system.system}' AND m.object = '{each.name}' AND m.is_live AND d.id IS NULL AND m.hub_id_said IS DISTINCT FROM m.hub_id"""
    return row(
        discrepancy="md5('hub_id|' || m.record_ref)",
        action="update",
        of=each.of,
        hub_id="m.hub_id",
        system=system,
        each=each,
        record_id="m.record_id",
        field="'hub_id'",
        base="to_json({'hub_id': m.hub_id_said})",
        want="to_json({'hub_id': m.hub_id})",
        why="'the system keeps the hub id as reference'",
        held=posted(the_rules, system, each.of, "m"),
        money="NULL",
        currency="NULL",
        rest=rest,
    )


@macro()
def deltas(evaluator):
    """Every correction that ownership asks for and a system has a way for."""
    the_rules = firm_rules(evaluator)
    found = [
        make(evaluator, the_rules, system, each)
        for system in the_rules.systems
        for each in system.objects.values()
        for make in (updates, creates, returns)
    ]
    found = [select for select in found if select]
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in COLUMNS) + " WHERE FALSE"
    return typed({name: (kind_of(name), says) for name, says in COLUMNS.items()}, " UNION ALL ".join(found) or nothing)
