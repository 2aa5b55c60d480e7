"""Ownership and expectations become SQL: every violated expectation between the systems, one row each.

Each class of discrepancy has a module of its own, named as its model is; here is what all of them share.
"""

from sqlmesh import macro

from macros.canonical import joined, typed

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


def row(
    klass,
    of,
    *,
    hub_id,
    system,
    each,
    owner,
    says,
    rest,
    record_ref="NULL",
    field="NULL",
    said="NULL",
    should="NULL",
    money="NULL",
    currency="NULL",
    shown_as="",
):
    """One SELECT of a class of discrepancy, in the columns that all share. Arguments are SQL. shown_as: the class of each row, if not this one."""
    key = f"md5({joined('|', repr(klass), record_ref, hub_id, system, each, field)})"
    values = [key, shown_as or f"'{klass}'", f"'{of}'", hub_id, system, each, record_ref, field, said, should, money, currency, owner, says]
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


def union(selects):
    """All of the SELECTs as one query; when there are none, no rows."""
    found = [select for select in selects if select]
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in COLUMNS) + " WHERE FALSE"
    return typed({name: (kind_of(name), says) for name, says in COLUMNS.items()}, " UNION ALL ".join(found) or nothing)


def kind_of(column):
    return "DECIMAL(18,2)" if column == "money" else "TEXT"


@macro()
def found(evaluator):
    """The discrepancies of all classes."""
    return union(
        f"SELECT * FROM discrepancy.{name}"
        for name in ("value_differs", "missing_counterpart", "arose_elsewhere", "duplicate", "orphan_reference", "sum_differs")
    )
