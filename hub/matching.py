"""Reads how records of an entity are matched: keys, blocks, comparison levels with their trained m and u."""

import re
from collections.abc import Collection, Mapping
from functools import cache
from math import log2
from pathlib import Path
from typing import Any

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, field_validator

from hub import entity, key_steps, keys
from hub.errors import ConfigurationWrong

FOLDER = Path(__file__).parent / "identity"
HEAD = ("record_ref", "source", "hub_id_said")  # of a record, besides its keys


class Level(BaseModel):
    """One way in which two records may compare. m: how often among matches; u: how often among others (Fellegi and Sunter)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    when: str = ""  # SQL on l and r; the last level has none
    m: float = Setting(gt=0, le=1)
    u: float = Setting(gt=0, le=1)  # with `term`: of a rare one
    term: str | None = None  # the key that is equal then: to share what many have weighs less

    @property
    def sql(self) -> str:
        """The condition with the functions of hub/keys.py written out."""
        return keys.expanded(self.when)

    @property
    def weight(self) -> float:
        return log2(self.m / self.u)


class Comparison(BaseModel):
    """Levels from best to worst; a key that says nothing on either side has no weight."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    on: tuple[str, ...]
    levels: tuple[Level, ...]


class Matching(BaseModel):
    """How records of one entity are matched."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    beside: dict[str, str] = {}  # {column: field type} that files may hold and the entity has not
    keys: dict[str, str]
    around: dict[str, dict[str, str]] = {}  # {key: {entity that refers to the record: its column}}; the values between blanks
    apart: str = ""  # SQL on l and r: a relation that two records of one thing can't have
    blocks: tuple[tuple[str, ...], ...]
    most: int = Setting(default=100, gt=1)  # what more records share brings none of them together
    checked: tuple[str, ...] = ()  # strong keys with check digits: what keeps them not, forbids nothing
    link: float
    needs: tuple[tuple[str, ...], ...] = ()  # the first of each must not speak against a link by weight, unless the others outweigh it
    review: float
    prior: float
    copies: int = Setting(default=0, ge=0)  # how many other records a record has that are the same thing
    comparisons: dict[str, Comparison] = {}

    @field_validator("needs", mode="before")
    @classmethod
    def _one_is_a_group(cls, value: Any) -> Any:
        return [[each] if isinstance(each, str) else each for each in value]

    def key_sql(self) -> dict[str, str]:
        """SQL of each key, with the functions of hub/keys.py written out."""
        return {name: keys.expanded(sql) for name, sql in self.keys.items()}

    def select(self, head: str, records: str, columns: Collection[str], around: Mapping[str, str] | None = None) -> str:
        """A query for the keys of records (a table, or a query in brackets) that have these columns.

        head    SQL of the columns in HEAD
        around  {key: query for record_ref and value: what refers to the record}; none in files
        """
        absent = "".join(f", NULL::TEXT AS {name}" for name in self.beside if name not in columns)
        steps = key_steps.Steps()
        wanted = ", ".join(f"{steps.named(sql)} AS {name}" for name, sql in self.keys.items())
        said = steps.query(f"(SELECT *{absent} FROM {records})")
        near = "".join(f", {f'near_{name}.said' if name in (around or {}) else 'NULL'} AS {name}" for name in self.around)
        joins = " ".join(
            f"LEFT JOIN (SELECT record_ref AS near_ref, string_agg(DISTINCT value, ' ' ORDER BY value) AS said FROM ({query}) AS said GROUP BY near_ref) AS near_{name} ON near_{name}.near_ref = record_ref"
            for name, query in (around or {}).items()
        )
        made = f"SELECT {head}, {wanted}{near} FROM {said} AS record {joins}"
        plain = ", ".join(f"{name}::TEXT AS {name}" for name in (*HEAD, *self.keys, *self.around))
        return f"SELECT {plain}, {', '.join(f'{hashed(keys)} AS {name}' for name, keys in self.hashes().items())} FROM ({made}) AS made"

    def hashes(self) -> dict[str, tuple[str, ...]]:
        """The columns in which the record, a block, or a key whose frequent values weigh less, is one number: {column: keys}."""
        return {hash_of(keys): keys for keys in (("record_ref",), *self.all_blocks(), *((term,) for term in self.terms()))}

    def all_blocks(self) -> tuple[tuple[str, ...], ...]:
        """The blocks, and the hub id that two records say they carry."""
        return (*self.blocks, ("hub_id_said",))

    def terms(self) -> list[str]:
        """The keys whose frequent values weigh less."""
        return sorted({level.term for each in self.comparisons.values() for level in each.levels if level.term})

    def of(self, columns: Collection[str]) -> "Matching":
        """The matching of records that have these columns alone, or keys from around them: what would be silent for all is left out."""
        spoken = {name for name, sql in self.keys.items() if {*re.findall(r"\w+", sql)} & {*columns}} | {*self.around} & {*columns}
        said = lambda comparison: spoken.issuperset(comparison.on)
        return self.model_copy(
            update={
                "blocks": tuple(each for each in self.blocks if spoken.issuperset(each)),
                "comparisons": {name: each for name, each in self.comparisons.items() if said(each)},
                "needs": tuple(filter(None, (tuple(name for name in group if said(self.comparisons[name])) for group in self.needs))),
            }
        )


def hash_of(keys: Collection[str]) -> str:
    """The column that holds these keys as one number."""
    return f"{'_'.join(keys)}_hash"


def hashed(keys: Collection[str]) -> str:
    """SQL for keys as one number, another in each column: what is looked up among all records should not be text. NULL when one of them says nothing."""
    return _hashed(keys, hash_of(keys))


def numbered(text: str, what: str = "record_ref") -> str:
    """SQL for a text as the number that it is in the column of `what`: a record_ref, however the column that holds it is called, or a hub_id."""
    return _hashed([text], hash_of([what]))


def _hashed(said: Collection[str], column: str) -> str:
    # DuckDB may hash otherwise in its next version; named here, it makes other models, which are built anew.
    something = " AND ".join(f"{each} IS NOT NULL" for each in said)
    return f"CASE WHEN {something} THEN hash({', '.join(said)}, '{column} duckdb {duckdb.__version__}') >> 1 END::BIGINT"


@cache
def read(name: str, folder: Path = FOLDER) -> Matching:
    """The matching of an entity: of the firm when its `folder` has one, else ours. Without either, its strong keys alone decide."""
    path = source(name, folder)
    strong = entity.all_entities()[name].identity.strong
    if not path.exists():
        return Matching(keys={each: each for each in strong}, blocks=tuple((each,) for each in strong), link=0, review=0, prior=0)
    try:
        return Matching.model_validate(yaml.safe_load(path.read_text()))
    except (ValidationError, yaml.YAMLError) as wrong:
        raise ConfigurationWrong(f"identity/{path.name}: {wrong}; see docs/identity.md for the form") from wrong


def source(name: str, folder: Path) -> Path:
    """The file that says how an entity is matched; it need not exist."""
    own = folder / f"{name}.yaml"
    return own if own.exists() else FOLDER / f"{name}.yaml"
