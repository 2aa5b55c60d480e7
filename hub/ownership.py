"""Reads ownership.yaml, the contract between the systems: who may say what, for which records, on which days."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from hub import cutover, entity, ownership_proof
from hub.cutover import Play
from hub.errors import ConfigurationWrong
from hub.ownership_rule import Posted, Rule, legal_entities

FILE = Path(__file__).parent / "ownership.yaml"
OTHERS = Path(__file__).parent / "ownerships"  # other views than the hub's own, to be extended by name


class Ownership(BaseModel):
    """Who may say what about one entity."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    believe: tuple[str, ...]
    create: tuple[str, ...] = ()  # the roles in which a new one may arise; none: in all
    must_exist: dict[str, str] = {}
    posted: Posted | None = None
    together: tuple[tuple[str, ...], ...] = ()  # fields that come from one record, whole or not at all
    fields: dict[str, tuple[Rule, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        fields = {name: [rules] if isinstance(rules, dict) else rules for name, rules in (value.get("fields") or {}).items()}
        create = value.get("create") or []
        return value | {"fields": fields, "create": [create] if isinstance(create, str) else create}

    def rules(self, field: str) -> tuple[Rule, ...]:
        """The rules of a field; one that nobody named is believed in the entity's order and mirrored nowhere."""
        return self.fields.get(field) or (Rule.model_validate({"owner": self.believe[0], "else": self.believe[1:]}),)

    def rule(self, field: str, state: str | None, legal_entity: str | None) -> Rule:
        """The rule of a field that holds in a state of the life cycle and a legal entity of ours."""
        rules = self.rules(field)
        return next(each for each in rules if each.is_of(state, legal_entity, legal_entities(rules)))

    def group(self, field: str) -> tuple[str, ...]:
        """The fields that come from one record with this one, itself among them."""
        return next((group for group in self.together if field in group), (field,))

    @property
    def legal_entities(self) -> tuple[str, ...]:
        """Our legal entities that any rule names."""
        return legal_entities(rule for rules in self.fields.values() for rule in rules)

    def in_force(self, day: date) -> "Ownership":
        """What holds on a day; rules say no days any more."""
        undated = {"starts": None, "ends": None}
        fields = {name: tuple(rule.model_copy(update=undated) for rule in rules if rule.runs(day)) for name, rules in self.fields.items()}
        return self.model_copy(update={"fields": fields})


@dataclass(frozen=True)
class Contract:
    """All that ownership.yaml says. as_of: the day that it is to be read for, where it names one."""

    entities: dict[str, Ownership]
    cutover: dict[str, tuple[Play, ...]]  # by role
    as_of: date | None = None

    @property
    def days(self) -> list[date]:
        """The days on which it changes."""
        rules = [rule for each in self.entities.values() for rules in each.fields.values() for rule in rules]
        return sorted({day for each in (*rules, *(line for lines in self.cutover.values() for line in lines)) for day in each.days})

    def in_force(self, day: date) -> dict[str, Ownership]:
        """The ownership of every entity, as it holds on a day."""
        return {name: each.in_force(self.as_of or day) for name, each in self.entities.items()}


@cache
def read(path: Path = FILE) -> Contract:
    """The contract in a file. Raises ConfigurationWrong with a record that would have no owner of a field, or two."""
    return parse(path.name, path.read_text())


def parse(name: str, text: str) -> Contract:
    """The contract that a text says; `name` is what errors call it."""
    said = extended(name, text)
    as_of = said.pop("as_of", None)
    try:
        plays = {role: tuple(map(Play.model_validate, lines)) for role, lines in (said.pop("cutover", None) or {}).items()}
        entities = {each: Ownership.model_validate(spec) for each, spec in said.items()}
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{name}: {wrong}; see docs/ownership.md for the form") from wrong
    for each, ownership in entities.items():
        ownership_proof.prove(f"{name} {each}", entity.all_entities().get(each), ownership)
    for role, lines in plays.items():
        cutover.prove(f"{name} cutover {role}", lines)
    return Contract(entities, plays, as_of)


def extended(name: str, text: str) -> dict[str, Any]:
    """What a text says, with what it extends: of an entity, each field and each other key that it names takes the place of the other's."""
    said = yaml.safe_load(text)
    if not (base := said.pop("extends", None)):
        return said
    path = FILE if base == "hub" else OTHERS / f"{base}.yaml"
    if not path.exists():
        raise ConfigurationWrong(
            f"{name} extends: no {base!r}; use hub or one of {', '.join(sorted(each.stem for each in OTHERS.glob('*.yaml')))}"
        )
    found = extended(path.name, path.read_text())
    for each, spec in said.items():
        fields = (found.get(each) or {}).get("fields", {}) | (spec.get("fields") or {}) if isinstance(spec, dict) else {}
        found[each] = {**(found.get(each) or {}), **spec, "fields": fields} if isinstance(spec, dict) else spec
    return found


def whole(path: Path) -> str:
    """A contract as a text that extends nothing, so that it says the same when the hub's own has changed."""
    text = path.read_text()
    return yaml.safe_dump(extended(path.name, text), sort_keys=False) if "extends" in yaml.safe_load(text) else text


def dated(text: str, day: date) -> str:
    """The text of a contract as it is to be read for a day: as it is, when it knows no days."""
    return f"as_of: {day}\n{text}" if parse("ownership.yaml", text).days else text
