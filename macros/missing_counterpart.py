"""Golden records that a role must hold, and does not."""

import re

from sqlmesh import macro

from macros.canonical import firm_rules, members_of, only_touched
from macros.discrepancy import row, stake, union


@macro()
def missing_counterpart(evaluator):
    """Golden records that a role must hold, and does not."""
    the_rules = firm_rules(evaluator)
    touched = only_touched(evaluator, "g.hub_id")
    return union(
        absent(the_rules, of, system, each, condition, members_of(evaluator, of), touched)
        for of in the_rules.entities
        for role, condition in the_rules.owner(of).must_exist.items()
        for system, each in destinations(the_rules, of, role)
    )


def destinations(the_rules, of, role):
    """The objects that the role's records go to: the first of each system that plays it for some of them."""
    cut = the_rules.cut(of).get(role)
    found = [(system, each) for system, each in the_rules.objects(of) if system.role == role]
    systems = dict.fromkeys(line.system for line in cut) if cut else {system.system for system, _ in found[:1]}
    return [next(each for each in found if each[0].system == name) for name in systems if name in {system.system for system, _ in found}]


def absent(the_rules, of, system, each, condition, members, touched):
    role, (money, currency, join) = system.role, stake(the_rules, of, "g")
    is_cut = role in the_rules.cut(of)
    played = f" AND g.{role}_system = '{system.system}'" if is_cut else ""
    there = f"m.system = '{system.system}'" if is_cut else f"m.role = '{role}'"
    systems = {system.system} if is_cut else {held.system for held, _ in the_rules.objects(of) if held.role == role}
    rest = f"""
      FROM (SELECT * FROM golden.{of} AS g WHERE ({condition_sql(the_rules, of, condition)}){played} AND NOT {shown(the_rules, of, role, systems)}) AS g
      {join}
      WHERE {touched} AND NOT EXISTS (SELECT 1 FROM {members} AS m WHERE m.hub_id = g.hub_id AND {there} AND m.is_live)"""
    return row(
        "missing_counterpart",
        of,
        hub_id="g.hub_id",
        system=f"'{system.system}'",
        each=f"'{each.name}'",
        money=money,
        currency=currency,
        owner=f"'{role}'",
        says=f"'{role} must hold it: {condition.replace(chr(39), chr(39) * 2)}'",
        rest=rest,
    )


def shown(the_rules, of, role, systems):
    """SQL that tells of most golden records that a role holds them, without a look there: the first field that the role owns came from one of its systems."""
    owned = [name for name in the_rules.entities[of].fields if role in {rule.owner for rule in the_rules.owner(of).rules(name)}]
    given = " OR ".join(f"starts_with(g.{owned[0]}_from, '{system}:')" for system in sorted(systems)) if owned else "FALSE"
    return f"COALESCE({given}, FALSE)"


def condition_sql(the_rules, of, condition):
    """A condition of ownership.yaml as SQL on a golden row g; `has project` asks whether a project refers to it."""

    def there(found):
        other = the_rules.entities.get(found[1])  # none of the firm's systems may hold it
        refers = other and of in other.fields and other.fields[of].to == of
        return f"EXISTS (SELECT 1 FROM golden.{found[1]} AS o WHERE o.{of}_id = g.hub_id)" if refers else "FALSE"

    return re.sub(r"\bhas (\w+)", there, condition)
