"""Ownership and expectations become SQL: every violated expectation between the systems, one row each."""

import re

from sqlmesh import macro

from macros.canonical import firm_rules, joined, members_of, only_touched, typed
from macros.golden import value_columns

COLUMNS = {
    "id": "Stable: the same discrepancy tomorrow has the same id.",
    "class": "Which expectation is violated.",
    "entity": "What it is about.",
    "hub_id": "Which one.",
    "system": "Where it shows.",
    "object": "In which object there.",
    "record_ref": "On which record, if there is one.",
    "field": "In which field, or by which expectation.",
    "said": "What is said there, JSON by column.",
    "should": "What should be, JSON by column.",
    "money": "What is at stake.",
    "currency": "Of the money.",
    "owner": "Who has to see to it.",
    "says": "Why it is one.",
}


def row(klass, entity, *, hub_id, system, each, record_ref, field, said, should, money, currency, owner, says, rest):
    """One SELECT of a class of discrepancy, in the columns that all share. Arguments are SQL."""
    key = f"md5({joined('|', repr(klass), record_ref, hub_id, system, each, field)})"
    values = [key, f"'{klass}'", f"'{entity}'", hub_id, system, each, record_ref, field, said, should, money, currency, owner, says]
    return "SELECT " + ", ".join(f"({value})::{kind_of(name)} AS {name}" for value, name in zip(values, COLUMNS)) + f" {rest}"


def stake(the_rules, of, alias):
    """(money, currency, join): what a discrepancy about this entity puts at stake."""
    at_stake = the_rules.entities[of].at_stake
    if not at_stake:
        return "NULL", "NULL", ""
    if " * " not in at_stake:
        return f"{alias}.{at_stake}", f"{alias}.{at_stake}_currency", ""
    quantity, path = at_stake.split(" * ")
    reference, rate = path.split(".")
    target = the_rules.entities[of].fields[reference].to
    if target not in the_rules.entities:
        return "NULL", "NULL", ""
    join = f"LEFT JOIN golden.{target} AS staked ON staked.hub_id = {alias}.{reference}_id"
    return f"{alias}.{quantity} * staked.{rate}", f"staked.{rate}_currency", join


def as_json(alias, columns):
    return "to_json({" + ", ".join(f"'{column}': {alias}.{column}" for column in columns) + "})"


def mirrored(the_rules, system, each):
    """(field name, mapped columns, SQL that tells whether this object must mirror it now, owner) for each mirrored field."""
    entity = the_rules.entities[each.of]
    for name, field in entity.fields.items():
        columns = [column for column in value_columns(name, field) if column in each.columns()]
        for rule in the_rules.owner(each.of).rules(name):
            if columns and system.role in rule.mirror:
                states = ", ".join(f"'{state}'" for state in rule.states)
                yield name, columns, f"g.life_cycle IN ({states})" if states else "TRUE", rule.owner


def differing(the_rules, system, each, members):
    """Records of one object that do not carry the golden value of a field that they must mirror."""
    found = []
    for name, columns, holds, owner in mirrored(the_rules, system, each):
        known = " OR ".join(f"g.{column} IS NOT NULL" for column in columns)
        differs = " OR ".join(f"m.{column} IS DISTINCT FROM g.{column}" for column in columns)
        field = the_rules.entities[each.of].fields[name]
        gap = f"abs(COALESCE(m.{columns[0]}, 0) - g.{columns[0]})" if field.type == "money" else "NULL"
        found.append(
            (
                f"{holds} AND ({known}) AND ({differs})",
                f"{{'field': '{name}', 'said': {as_json('m', columns)}, 'should': {as_json('g', columns)}, "
                f"'gap': ({gap})::DECIMAL(18,2), 'owner': '{owner}', 'given': g.{name}_from}}",
            )
        )
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
        says="f.d.field || ' is owned by ' || f.d.owner || ' and came from ' || f.d.given",
        rest=rest,
    )


@macro()
def value_differs(evaluator):
    """Values that differ from the golden one where ownership demands a mirror."""
    the_rules = firm_rules(evaluator)
    return union(
        differing(the_rules, system, each, members_of(evaluator, each.of))
        for system in the_rules.systems
        for each in system.objects.values()
    )


@macro()
def missing_counterpart(evaluator):
    """Golden records that a role must hold, and does not."""
    the_rules = firm_rules(evaluator)
    touched = only_touched(evaluator, "g.hub_id")
    return union(
        absent(the_rules, of, role, condition, members_of(evaluator, of), touched)
        for of in the_rules.entities
        for role, condition in the_rules.owner(of).must_exist.items()
        if role in {system.role for system in the_rules.systems}
    )


def condition_sql(the_rules, of, condition):
    """A condition of ownership.yaml as SQL on a golden row g; `has project` asks whether a project refers to it."""

    def there(found):
        other = the_rules.entities.get(found[1])  # none of the firm's systems may hold it
        refers = other and of in other.fields and other.fields[of].to == of
        return f"EXISTS (SELECT 1 FROM golden.{found[1]} AS o WHERE o.{of}_id = g.hub_id)" if refers else "FALSE"

    return re.sub(r"\bhas (\w+)", there, condition)


def absent(the_rules, of, role, condition, members, touched):
    money, currency, join = stake(the_rules, of, "g")
    system, each = next(((system, each) for system, each in the_rules.objects(of) if system.role == role), (None, None))
    if not system:
        return None
    rest = f"""
      FROM (SELECT * FROM golden.{of} AS g WHERE {condition_sql(the_rules, of, condition)}) AS g
      {join}
      WHERE {touched} AND NOT EXISTS (SELECT 1 FROM {members} AS m WHERE m.hub_id = g.hub_id AND m.role = '{role}' AND m.is_live)"""
    return row(
        "missing_counterpart",
        of,
        hub_id="g.hub_id",
        system=f"'{system.system}'",
        each=f"'{each.name}'",
        record_ref="NULL",
        field="NULL",
        said="NULL",
        should="NULL",
        money=money,
        currency=currency,
        owner=f"'{role}'",
        says=f"'{role} must hold it: {condition.replace(chr(39), chr(39) * 2)}'",
        rest=rest,
    )


@macro()
def duplicate(evaluator):
    """Several live records of one object that are the same thing: one row for each beyond the one to keep."""
    the_rules = firm_rules(evaluator)
    return union(surplus(evaluator, of) for of in the_rules.entities)


def surplus(evaluator, of):
    rest = f"""
      FROM (
        SELECT hub_id, system, object, role, record_ref,
          first_value(record_ref) OVER (PARTITION BY hub_id, system, object ORDER BY (hub_id_said = hub_id) DESC NULLS LAST, record_ref) AS kept
        FROM {members_of(evaluator, of)} WHERE is_live
      ) AS m
      WHERE m.record_ref <> m.kept"""
    return row(
        "duplicate",
        of,
        hub_id="m.hub_id",
        system="m.system",
        each="m.object",
        record_ref="m.record_ref",
        field="NULL",
        said="NULL",
        should="NULL",
        money="NULL",
        currency="NULL",
        owner="m.role",
        says="'the same as ' || m.kept",
        rest=rest,
    )


@macro()
def orphan_reference(evaluator):
    """Live records that refer to a record which is not there, or no longer."""
    the_rules = firm_rules(evaluator)
    found = []
    for of, known in the_rules.entities.items():
        for name, field in known.fields.items():
            if field.type == "reference" and field.to in the_rules.entities:
                rest = f"""
                  FROM {members_of(evaluator, of)} AS m
                  LEFT JOIN canonical.{field.to} AS t ON t.record_ref = m.{name}_ref
                  WHERE m.is_live AND m.{name}_ref IS NOT NULL AND NOT COALESCE(t.is_live, FALSE)
                    AND m.{name}_ref NOT IN (SELECT {joined(":", "system", "object", "record_id")} FROM capture.quarantine)"""  # those are known, and wait
                found.append(
                    row(
                        "orphan_reference",
                        of,
                        hub_id="m.hub_id",
                        system="m.system",
                        each="m.object",
                        record_ref="m.record_ref",
                        field=f"'{name}'",
                        said=f"to_json({{'{name}_ref': m.{name}_ref}})",
                        should="NULL",
                        money="NULL",
                        currency="NULL",
                        owner="m.role",
                        says=f"'refers to ' || m.{name}_ref || ', which is ' || CASE WHEN t.record_ref IS NULL THEN 'not known' ELSE 'gone' END",
                        rest=rest,
                    )
                )
    return union(found)


@macro()
def sum_differs(evaluator):
    """What must come to the same sum or count in two roles, and does not."""
    the_rules = firm_rules(evaluator)
    held = [each for each in the_rules.expectations if each.of in the_rules.entities and set(each.between) <= set(the_rules.roles(each.of))]
    return union(disagreeing(evaluator, the_rules, each) for each in held)


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
        record_ref="NULL",
        field=f"'{expected.name}'",
        said=said,
        should=said.replace("s.b", "s.a"),
        money=money,
        currency=currency,
        owner=f"'{expected.owner}'",
        says=f"'{expected.says}'",
        rest=rest,
    )


@macro()
def found(evaluator):
    """The discrepancies of all classes."""
    return union(
        f"SELECT * FROM discrepancy.{name}"
        for name in ("value_differs", "missing_counterpart", "duplicate", "orphan_reference", "sum_differs")
    )


def union(selects):
    """All of the SELECTs as one query; when there are none, no rows."""
    found = [select for select in selects if select]
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in COLUMNS) + " WHERE FALSE"
    return typed({name: (kind_of(name), says) for name, says in COLUMNS.items()}, " UNION ALL ".join(found) or nothing)


def kind_of(column):
    return "DECIMAL(18,2)" if column == "money" else "TEXT"
