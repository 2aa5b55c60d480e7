"""Reads ownership.yaml, the contract between the systems, and proves that every field has one owner at any time."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, model_validator

from hub import entity
from hub.errors import ConfigurationWrong

FILE = Path(__file__).parent / "ownership.yaml"
FURTHEST = "furthest"  # not a role: the value that is furthest in the entity's life cycle


class Rule(BaseModel):
    """Who owns a field in some life-cycle states, who stands in for it, and who must mirror it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    owner: str
    otherwise: tuple[str, ...] = Setting((), alias="else")
    states: tuple[str, ...] = Setting((), alias="while")  # none: always
    mirror: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return {name: [each] if name != "owner" and isinstance(each, str) else each for name, each in value.items()}

    @property
    def is_furthest(self) -> bool:
        return self.owner == FURTHEST

    @property
    def order(self) -> tuple[str, ...]:
        return (self.owner, *self.otherwise)


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
    fields: dict[str, tuple[Rule, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        fields = {name: [rules] if isinstance(rules, dict) else rules for name, rules in (value.get("fields") or {}).items()}
        return value | {"fields": fields}

    def rules(self, field: str) -> tuple[Rule, ...]:
        """The rules of a field; one that nobody named is believed in the entity's order and mirrored nowhere."""
        return self.fields.get(field) or (Rule(owner=self.believe[0], otherwise=self.believe[1:]),)


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
