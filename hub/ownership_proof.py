"""Proves a contract when it is loaded: each field of each record has one owner on every day. What breaks that is named by a witness."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

from hub.entity import Entity, all_entities
from hub.errors import ConfigurationWrong
from hub.ownership_rule import ELSEWHERE, LEGAL_ENTITY, Rule, legal_entities


def prove(where: str, known: Entity | None, ownership) -> None:
    """Nothing, for a sound ownership of an entity. Raises ConfigurationWrong with the first thing that is not."""
    if known is None:
        raise ConfigurationWrong(f"{where}: no such entity; use one of {', '.join(all_entities())}")
    for field, rules in ownership.fields.items():
        if field not in known.fields:
            raise ConfigurationWrong(f"{where} {field}: no such field; use one of {', '.join(known.fields)}")
        _prove_bounds(f"{where} {field}", known, rules)
        _prove_one_owner(f"{where} {field}", known, rules)
        _prove_equals(f"{where} {field}", rules)
    for group in ownership.together:
        _prove_group(where, known, ownership, group)
    _prove_no_circle(where, known, ownership)


def _prove_bounds(where: str, known: Entity, rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        if unknown := set(rule.states) - set(known.life_cycle):
            states = f"the life cycle is {', '.join(known.life_cycle)}" if known.life_cycle else f"{known.entity} has no life cycle"
            raise ConfigurationWrong(f"{where}: no state {', '.join(sorted(unknown))}; {states}")
        if rule.starts and rule.ends and rule.ends <= rule.starts:
            raise ConfigurationWrong(f"{where}: from {rule.starts} until {rule.ends} is no day; `until` is the first day without the rule")
        if rule.owner in rule.mirror:
            raise ConfigurationWrong(f"{where}: {rule.owner} owns and mirrors it; an owner is never written")
        if ELSEWHERE in rule.legal_entities and len(rule.legal_entities) > 1:
            raise ConfigurationWrong(f"{where}: in {', '.join(rule.legal_entities)} is everywhere; leave `in` out, or name either")
        if rule.is_elsewhere and not legal_entities(rules):
            raise ConfigurationWrong(f"{where}: no rule beside it names a legal entity, so elsewhere is everywhere; leave `in` out")


def _prove_one_owner(where: str, known: Entity, rules: tuple[Rule, ...]) -> None:
    for state, legal_entity, day in cells(known.life_cycle, rules):
        numbered = enumerate(rules, 1)
        holding = [(number, rule) for number, rule in numbered if rule.runs(day) and rule.is_of(state, legal_entity, legal_entities(rules))]
        if len(holding) != 1:
            told = ", ".join(f"{rule.owner} (rule {number})" for number, rule in holding)
            found = f"has {'two' if len(holding) == 2 else len(holding)} owners: {told}" if holding else "has no owner"
            raise ConfigurationWrong(f"{where} of one{witness(rules, state, legal_entity, day)} {found}; give it exactly one")


def cells(states: list[str], rules: tuple[Rule, ...]) -> Iterator[tuple[str | None, str | None, date]]:
    """Every kind of record that rules can tell apart: state of the life cycle, legal entity (None: any that no rule names), day."""
    days = sorted({day for rule in rules for day in rule.days}) or [date.max]
    return product(states or [None], [*legal_entities(rules), None], [days[0] - timedelta(days=1), *days])


def witness(rules: tuple[Rule, ...], state: str | None, legal_entity: str | None, day: date) -> str:
    """A record, in the words of the rules that tell it from others."""
    return (
        (f" that is {state}" if state else "")
        + (f" in {legal_entity or 'a legal entity that no rule names'}" if any(rule.legal_entities for rule in rules) else "")
        + (f" on {day}" if any(rule.days for rule in rules) else "")
    )


def _prove_equals(where: str, rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        if rule.by == "source order" and any(len(equals) > 1 for equals in rule.stand_ins):
            raise ConfigurationWrong(
                f"{where}: {', '.join(rule.otherwise)} has equals; say `by` what to decide between them, or order them"
            )
        if rule.is_furthest and (rule.stand_ins or rule.by != "source order" or len(rules) > 1):
            raise ConfigurationWrong(f"{where}: the furthest value needs no `else`, no `by` and no other rule; take them out")


def _prove_group(where: str, known: Entity, ownership, group: tuple[str, ...]) -> None:
    if unknown := [field for field in group if field not in known.fields]:
        raise ConfigurationWrong(f"{where} together: no field {', '.join(unknown)}; use some of {', '.join(known.fields)}")
    if again := [field for field in group if ownership.group(field) != group]:
        raise ConfigurationWrong(f"{where} together: {', '.join(again)} stands in two groups; a field goes with one")
    chosen = {field: [rule.chooses for rule in ownership.rules(field)] for field in group}
    if other := [field for field in group if chosen[field] != chosen[group[0]]]:
        raise ConfigurationWrong(
            f"{where} together: {', '.join(other)} is not chosen as {group[0]} is; give them one owner, else, by, while, in, from and until"
        )


def _prove_no_circle(where: str, known: Entity, ownership) -> None:
    """The legal entity of a record picks the rules, so none of its own rules may rest on it."""
    if not any(rule.legal_entities for rules in ownership.fields.values() for rule in rules):
        return
    if LEGAL_ENTITY not in known.fields:
        raise ConfigurationWrong(f"{where}: {known.entity} has no {LEGAL_ENTITY}, so no rule can be bound by `in`; leave it out")
    if (
        any(rule.legal_entities or rule.by != "source order" for rule in ownership.rules(LEGAL_ENTITY))
        or len(ownership.group(LEGAL_ENTITY)) > 1
    ):
        raise ConfigurationWrong(
            f"{where} {LEGAL_ENTITY}: it picks the rules that are bound by `in`, so its own takes the first role that says it: no `in`, `by`, `together`"
        )
