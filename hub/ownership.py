"""Reads ownership.yaml, the contract between the systems, and proves that every field has one owner at any time."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, model_validator

from hub import entity
from hub.errors import ConfigurationWrong

FILE = Path(__file__).parent / "ownership.yaml"
FURTHEST = "furthest"  # not a role: the value that is furthest in the entity's life cycle
By = Literal["source order", "recency", "completeness", "agreement", "longest valid"]


class Rule(BaseModel):
    """Who owns a field in some life-cycle states, who stands in for it, what decides between equals, and who must mirror it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    owner: str
    stand_ins: tuple[tuple[str, ...], ...] = Setting((), alias="else")  # in order; those in one list are equal
    by: By = "source order"
    states: tuple[str, ...] = Setting((), alias="while")  # none: always
    mirror: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        lists = {name: [each] if name in ("else", "while", "mirror") and isinstance(each, str) else each for name, each in value.items()}
        return lists | {"else": [[each] if isinstance(each, str) else each for each in lists.get("else", ())]}

    @property
    def is_furthest(self) -> bool:
        return self.owner == FURTHEST

    @property
    def otherwise(self) -> tuple[str, ...]:
        """All that stand in, in order."""
        return tuple(role for equals in self.stand_ins for role in equals)

    @property
    def order(self) -> tuple[str, ...]:
        return (self.owner, *self.otherwise)

    @property
    def ranks(self) -> dict[str, int]:
        """Whom to believe before whom, {role: 0 for the owner, 1 for the first that stand in …}."""
        return {role: rank for rank, equals in enumerate(((self.owner,), *self.stand_ins)) for role in equals}


class Posted(BaseModel):
    """When a record may not be written any more, and what to do instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ledger: str  # the role that keeps the posted record
    immutable: str  # SQL on its record, beginning with a field
    instead: str


class Ownership(BaseModel):
    """Who may say what about one entity."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    believe: tuple[str, ...]
    must_exist: dict[str, str] = {}
    posted: Posted | None = None
    together: tuple[tuple[str, ...], ...] = ()  # fields that come from one record, whole or not at all
    fields: dict[str, tuple[Rule, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        fields = {name: [rules] if isinstance(rules, dict) else rules for name, rules in (value.get("fields") or {}).items()}
        return value | {"fields": fields}

    def rules(self, field: str) -> tuple[Rule, ...]:
        """The rules of a field; one that nobody named is believed in the entity's order and mirrored nowhere."""
        return self.fields.get(field) or (Rule.model_validate({"owner": self.believe[0], "else": self.believe[1:]}),)

    def group(self, field: str) -> tuple[str, ...]:
        """The fields that come from one record with this one, itself among them."""
        return next((group for group in self.together if field in group), (field,))


@cache
def read(path: Path = FILE) -> dict[str, Ownership]:
    """The ownership of every entity. Raises ConfigurationWrong when a field has no owner, or two, in some state."""
    try:
        owners = {name: Ownership.model_validate(spec) for name, spec in yaml.safe_load(path.read_text()).items()}
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/ownership.md for the form") from wrong
    for name, ownership in owners.items():
        _prove(f"{path.name} {name}", entity.all_entities().get(name), ownership)
    return owners


def _prove(where: str, known: entity.Entity | None, ownership: Ownership) -> None:
    if known is None:
        raise ConfigurationWrong(f"{where}: no such entity; use one of {', '.join(entity.all_entities())}")
    for field, rules in ownership.fields.items():
        if field not in known.fields:
            raise ConfigurationWrong(f"{where} {field}: no such field; use one of {', '.join(known.fields)}")
        _prove_one_owner(f"{where} {field}", known.life_cycle or ["always"], rules)
        _prove_equals(f"{where} {field}", rules)
    for group in ownership.together:
        _prove_group(where, known, ownership, group)


def _prove_one_owner(where: str, states: list[str], rules: tuple[Rule, ...]) -> None:
    for state in states:
        owners = [rule.owner for rule in rules if not rule.states or state in rule.states]
        if len(owners) != 1:
            raise ConfigurationWrong(f"{where} has {' and '.join(owners) or 'no owner'} while {state}; give it exactly one")
    for rule in rules:
        if unknown := set(rule.states) - set(states):
            raise ConfigurationWrong(f"{where}: no state {', '.join(sorted(unknown))}; the life cycle is {', '.join(states)}")
        if rule.owner in rule.mirror:
            raise ConfigurationWrong(f"{where}: {rule.owner} owns and mirrors it; an owner is never written")


def _prove_equals(where: str, rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        if rule.by == "source order" and any(len(equals) > 1 for equals in rule.stand_ins):
            raise ConfigurationWrong(
                f"{where}: {', '.join(rule.otherwise)} has equals; say `by` what to decide between them, or order them"
            )
        if rule.is_furthest and (rule.stand_ins or rule.by != "source order"):
            raise ConfigurationWrong(f"{where}: the furthest value needs no `else` and no `by`; take them out")


def _prove_group(where: str, known: entity.Entity, ownership: Ownership, group: tuple[str, ...]) -> None:
    if unknown := [field for field in group if field not in known.fields]:
        raise ConfigurationWrong(f"{where} together: no field {', '.join(unknown)}; use some of {', '.join(known.fields)}")
    if again := [field for field in group if ownership.group(field) != group]:
        raise ConfigurationWrong(f"{where} together: {', '.join(again)} stands in two groups; a field goes with one")
    chosen = {field: [(rule.owner, rule.stand_ins, rule.by, rule.states) for rule in ownership.rules(field)] for field in group}
    if other := [field for field in group if chosen[field] != chosen[group[0]]]:
        raise ConfigurationWrong(
            f"{where} together: {', '.join(other)} is not chosen as {group[0]} is; give them one owner, else, by and while"
        )
