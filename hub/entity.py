"""Reads the canonical entities: one YAML an entity, checked when loaded."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError

from hub.errors import ConfigurationWrong

FOLDER = Path(__file__).parent / "entities"
CODES = Path(__file__).parent / "codes"

# Parts of each type, with the DuckDB type of each. The first part bears the field's own name.
TYPES: dict[str, dict[str, str]] = {
    "text": {"": "VARCHAR"},
    "organisation_name": {"": "VARCHAR"},
    "person_name": {"": "VARCHAR"},
    "domain": {"": "VARCHAR"},
    "email": {"": "VARCHAR"},
    "phone": {"": "VARCHAR"},
    "tax_id": {"": "VARCHAR"},
    "code": {"": "VARCHAR"},
    "reference": {"": "VARCHAR"},
    "date": {"": "DATE"},
    "instant": {"": "TIMESTAMP"},  # always UTC
    "boolean": {"": "BOOLEAN"},
    "integer": {"": "BIGINT"},
    "share": {"": "DECIMAL(9,6)"},  # 0.25 is a quarter
    "money": {"": "DECIMAL(18,2)", "currency": "VARCHAR"},
    "quantity": {"": "DECIMAL(18,4)", "unit": "VARCHAR"},
    "address": dict.fromkeys(["street", "city", "postcode", "region", "country"], "VARCHAR"),
}


class Field(BaseModel):
    """One fact about an entity."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    type: str
    says: str = ""
    sensitivity: Literal["public", "internal", "confidential", "personal", "sensitive"] = Setting("internal", alias="class")
    to: str | None = None  # the entity that a reference points at
    codes: str | None = None  # the code list of a code
    together: bool = False  # an address survives whole or not at all

    def columns(self, name: str) -> dict[str, str]:
        """The canonical columns of this field, {column: DuckDB type}; a reference ends in _ref."""
        if self.type == "reference":
            return {f"{name}_ref": "VARCHAR"}
        return {f"{name}_{part}" if part else name: kind for part, kind in TYPES[self.type].items()}


class Identity(BaseModel):
    """What tells that two records are the same thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    strong: list[str] = []  # equal values link; different valid values forbid a link
    evidence: list[str] = []
    fallback: list[str] = []  # of what its number tells apart: on these, a steward is asked whether two numbers are one thing's

    @property
    def numbers(self) -> list[str]:
        """The fields that a hub id follows from; none where records are matched by evidence."""
        return [] if self.evidence else self.strong


class Entity(BaseModel):
    """A canonical kind of thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    entity: str
    says: str
    rows: list[str] = []  # the requirement rows it answers
    identity: Identity = Identity()
    life_cycle: list[str] = []  # in order; a cluster is as far as its furthest record
    prefix: str = ""  # of its hub ids; its own name when none is given
    at_stake: str | None = None  # the money that a discrepancy puts at stake: a money field, or `quantity * reference.rate`
    dated: str | None = None  # the day by which a cut-over knows old from new; without one, the day of the cycle counts
    follows: str | None = None  # the reference to what it goes along with, where it has no legal entity of its own
    fields: dict[str, Field]

    def columns(self) -> dict[str, str]:
        """All canonical columns in order, {column: DuckDB type}."""
        return {column: kind for name, field in self.fields.items() for column, kind in field.columns(name).items()}


def read(path: Path) -> Entity:
    """The entity that a file describes. Raises ConfigurationWrong, naming file and line of thought."""
    try:
        entity = Entity.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/entities.md for the form") from wrong
    _check(path, entity)
    return entity


def _check(path: Path, entity: Entity) -> None:
    for name, field in entity.fields.items():
        if field.type not in TYPES:
            raise ConfigurationWrong(f"{path.name} {name}: no type {field.type!r}; use one of {', '.join(TYPES)}")
        if (field.type == "reference") != bool(field.to) or (field.type == "code") != bool(field.codes):
            raise ConfigurationWrong(f"{path.name} {name}: a reference needs `to`, a code needs `codes`, nothing else has them")
        if field.codes and not (CODES / f"{field.codes}.yaml").exists():
            raise ConfigurationWrong(f"{path.name} {name}: no code list hub/codes/{field.codes}.yaml; write one")
    if unknown := [
        name for name in (*entity.identity.strong, *entity.identity.evidence, *entity.identity.fallback) if name not in entity.fields
    ]:
        raise ConfigurationWrong(f"{path.name} identity: no field {', '.join(unknown)}; use one of {', '.join(entity.fields)}")
    for key, name, kind in (("dated", entity.dated, "date"), ("follows", entity.follows, "reference")):
        if name and (name not in entity.fields or entity.fields[name].type != kind):
            raise ConfigurationWrong(f"{path.name} {key}: {name} is no {kind} of it; name one, or leave it out")


@cache
def all_entities() -> dict[str, Entity]:
    """Every canonical entity by name."""
    entities = {path.stem: read(path) for path in sorted(FOLDER.glob("*.yaml"))}
    for entity in entities.values():
        for name, field in entity.fields.items():
            if field.to and field.to not in entities:
                raise ConfigurationWrong(f"{entity.entity}.yaml {name}: no entity {field.to!r} to refer to")
    return entities


@cache
def codes(name: str) -> dict[str, str]:
    """A code list, {code: what it means}. Source of each list: the head of its file."""
    return {str(code): str(meaning) for code, meaning in yaml.safe_load((CODES / f"{name}.yaml").read_text()).items()}
