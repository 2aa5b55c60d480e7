"""The contract between the systems as a table that people can read: each field, for which records and days, who owns and who carries it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from hub.cutover import Play
from hub.entity import all_entities
from hub.errors import ConfigurationWrong
from hub.ownership import Contract, Ownership
from hub.ownership_rule import Rule, legal_entities

ANY = "(any other field)"


@dataclass(frozen=True)
class Row:
    """A field of an entity. of: for which records it is so, in words, and since or until when; nothing: for all, always."""

    entity: str
    field: str
    of: str
    owner: str
    stands_in: str
    mirrors: str
    decides: str
    conflict: str


def rows(contract: Contract, entity: str = "", on: date | None = None, legal_entity: str = "") -> list[Row]:
    """The contract, row by row.

    entity   of one entity alone
    on       as it holds on a day; all days by default
    legal_entity  as it holds in one of our legal entities

    Raises ConfigurationWrong for an entity that the contract says nothing of.
    """
    if entity and entity not in contract.entities:
        raise ConfigurationWrong(f"the contract says nothing of {entity!r}; ask for one of {', '.join(contract.entities)}")
    entities = contract.in_force(on) if on else contract.entities
    return [row for name, each in entities.items() if entity in ("", name) for row in _of_entity(name, each, legal_entity)]


def _of_entity(name: str, owner: Ownership, legal_entity: str) -> Iterator[Row]:
    named = [field for field in all_entities()[name].fields if field in owner.fields]
    for field in named:
        rules = owner.rules(field)
        yield from (_row(name, field, rule) for rule in rules if not legal_entity or rule.covers(legal_entity, legal_entities(rules)))
    yield _row(name, ANY, owner.rules("")[0])


def _row(name: str, field: str, rule: Rule) -> Row:
    stands_in = ", ".join("/".join(equals) for equals in rule.stand_ins)
    by = rule.by if rule.by != "source order" else ""
    return Row(name, field, _of(rule), rule.owner, stands_in, ", ".join(rule.mirror), by, rule.conflict if rule.mirror else "")


def records(contract: Contract, entity: str = "") -> list[tuple[str, str, str]]:
    """(entity, role, what holds of its records): where they arise, which roles must hold one, which keeps what is posted."""
    found = []
    for name, each in contract.entities.items():
        if entity in ("", name):
            found += [(name, role, "a new one may arise here") for role in each.create]
            found += [(name, role, f"must hold it when {condition}") for role, condition in each.must_exist.items()]
            if each.posted:
                found.append((name, each.posted.ledger, f"posted when {each.posted.immutable}; then {each.posted.instead}"))
    return found


def destinations(contract: Contract) -> list[tuple[str, str, str]]:
    """(role, system, of those) where several systems play a role: which of them takes which records."""
    return [(role, line.system, "all others" if line.rest else _of(line)) for role, lines in contract.cutover.items() for line in lines]


def _of(rule: Rule | Play) -> str:
    return f"{rule.during}{f' from {rule.starts}' if rule.starts else ''}{f' until {rule.ends}' if rule.ends else ''}".strip()
