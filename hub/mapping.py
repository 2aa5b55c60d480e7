"""Reads system.yaml: what a system's objects are, how their fields map both ways, what they promise.

The same lines are read inward (as SQL, in macros/) and outward (as the body of a write, in `outward`).
A field that has no way back is never written.
"""

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, model_validator

from hub import entity
from hub.column import Column
from hub.errors import ConfigurationWrong
from hub.nested import put

FOLDER = Path(__file__).parent / "systems"


class Gone(BaseModel):
    """Fields by which a system says that a record is deleted, or merged into another."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    deleted: str | None = None
    merged_into: str | None = None


class Write(BaseModel):
    """What may be written to an object, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    create: bool = False
    update: bool = False
    batch: int = 1
    settles_in_seconds: float = 0  # how long after an answer a read-back is to be believed


class Expect(BaseModel):
    """What a batch of an object promises. A broken row is quarantined, a broken batch stops the object."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rows: tuple[int, int] | None = None
    filled: dict[str, float] = {}  # share of records in which a source field has a value, 0 to 1
    collapse: float = 0.5  # a full read may lose less than this share of the records known before
    fresh_hours: float | None = None  # the newest change may be this old


class Object(BaseModel):
    """A kind of thing in a system, and the entity it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str = ""
    of: str = Setting(alias="is")  # the entity it is
    key: str
    changed: str | None = None  # field that grows with every change: reads are incremental by it
    edited_by: str | None = None  # field that names who changed it last
    gone: Gone = Gone()
    external_id: str | None = None  # field that carries the hub id
    write: Write = Write()
    read: dict[str, Any] = {}  # what only the connector understands: path, model, filter
    expect: Expect = Expect()
    fields: dict[str, dict[str, Column]]  # field -> part -> column
    ignore: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _parts(cls, value: Any) -> Any:
        fields = {name: _by_part(spec) for name, spec in value.get("fields", {}).items()}
        return value | {"fields": fields}

    def columns(self) -> Mapping[str, tuple[str, Column]]:
        """The mapped canonical columns, {column: (DuckDB type, Column)}, in the entity's order."""
        return MappingProxyType(self._columns)

    @cached_property
    def _columns(self) -> dict[str, tuple[str, Column]]:
        found = {}
        for name, field in self._entity.fields.items():
            if parts := self.fields.get(name):
                for column, kind in field.columns(name).items():
                    part = column.removeprefix(name).strip("_") if field.type != "reference" else ""
                    if part in parts:
                        found[column] = (kind, parts[part])
        return found

    def source_fields(self) -> Mapping[str, str]:
        """The source fields this object promises, {path: DuckDB type}; the snapshot's columns."""
        return MappingProxyType(self._source_fields)

    @cached_property
    def _source_fields(self) -> dict[str, str]:
        promised = {self.key: "VARCHAR"}
        for path in (self.gone.deleted,):
            if path:
                promised[path] = "BOOLEAN"
        for path in (self.gone.merged_into, self.external_id, self.changed, self.edited_by):
            if path:
                promised.setdefault(path, "VARCHAR")
        for kind, column in self.columns().values():
            if column.source:
                promised.setdefault(column.source, "VARCHAR" if column.codes else kind)
        return promised

    def model_copy(self, **how: Any) -> "Object":
        copied = super().model_copy(**how)
        for worked_out in ("_columns", "_source_fields"):  # pydantic takes along what was worked out of the first
            copied.__dict__.pop(worked_out, None)
        return copied

    @property
    def _entity(self) -> entity.Entity:
        return entity.all_entities()[self.of]


def _by_part(spec: Any) -> dict[str, Any]:
    if isinstance(spec, str) or {"from", "const"} & set(spec):
        return {"": spec}
    return {"" if part == "value" else part: column for part, column in spec.items()}


class System(BaseModel):
    """A business application."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    system: str
    role: str  # crm, clm, psa, erp, hris: what ownership.yaml speaks of
    connector: str = ""  # the folder whose connector.py reads it; its own name by default
    auth: dict[str, Any] = {}
    limits: dict[str, float] = {}  # per_second, in_flight, per_day
    user: str = ""  # what it calls us, where it tells who changed a record
    nested: bool = True  # False for flat files, where a / in a name is just a character
    objects: dict[str, Object]


@cache
def read(path: Path) -> System:
    """The system that a system.yaml describes. Raises ConfigurationWrong when it does not fit the entities."""
    try:
        raw = yaml.safe_load(path.read_text())
        raw["objects"] = {name: {**spec, "name": name} for name, spec in raw["objects"].items()}
        system = System.model_validate(raw)
    except (ValidationError, KeyError, TypeError) as wrong:
        raise ConfigurationWrong(f"{path.parent.name}/{path.name}: {wrong}; see docs/systems.md for the form") from wrong
    for each in system.objects.values():
        _check(path, system, each)
    return system


def _check(path: Path, system: System, each: Object) -> None:
    where = f"{path.parent.name}/{path.name} {each.name}"
    entities = entity.all_entities()
    if each.of not in entities:
        raise ConfigurationWrong(f"{where}: no entity {each.of!r}; use one of {', '.join(entities)}")
    known = entities[each.of].fields
    for name, parts in each.fields.items():
        if name not in known:
            raise ConfigurationWrong(f"{where} {name}: {each.of} has no such field; map it to one of {', '.join(known)}")
        types = entity.TYPES[known[name].type]
        if wrong := set(parts) - set(types):
            raise ConfigurationWrong(f"{where} {name}: no part {', '.join(sorted(wrong))}; {known[name].type} has {', '.join(types)}")
        for column in parts.values():
            _check_column(f"{where} {name}", system, known[name], column)


def _check_column(where: str, system: System, field: entity.Field, column: Column) -> None:
    if field.type == "reference" and column.object not in system.objects:
        raise ConfigurationWrong(f"{where}: a reference names the object it points at, one of {', '.join(system.objects)}")
    if field.codes and column.codes and (wrong := set(column.codes.values()) - set(entity.codes(field.codes))):
        raise ConfigurationWrong(f"{where}: {', '.join(sorted(wrong))} not in hub/codes/{field.codes}.yaml")


def outward(each: Object, values: Mapping[str, Any], nested: bool = True) -> dict[str, Any]:
    """The body of a write: canonical columns in the system's own fields.

    values   {canonical column: value}; None clears. References are ids of the target system.
    returns  the body, nested where the mapping says a/b

    Raises ConfigurationWrong for a column that has no way back.
    """
    body: dict[str, Any] = {}
    columns = each.columns()
    for name, value in values.items():
        if name not in columns or not columns[name][1].goes_back:
            raise ConfigurationWrong(f"{each.name} {name} has no way back; map it with `from` and without `write: false`")
        column = columns[name][1]
        put(body, column.source, column.outward(value), nested)
    return body
