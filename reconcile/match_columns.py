"""Which column of a file is which field of an entity: by its name, by what the user says, else by what stands in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from stdnum.eu import vat

from hub import entity, matching
from hub.errors import ConfigurationWrong
from hub.systems.files import synonyms

SURE = 0.8  # the share of a column's values that must look like a field to be taken for it
LOOKED_AT = 1_000  # values
LOOKS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "domain": re.compile(r"(https?://)?([a-z0-9-]+\.)+[a-z]{2,}(/\S*)?", re.IGNORECASE),
    "phone": re.compile(r"(?=(\D*\d){7})(\+|00|\(0|0\d+[ /-])[\d ()/.-]+"),
}


@dataclass(frozen=True)
class Chosen:
    """A canonical column, the columns of the file that it is read from (joined by a blank), and why: name, content or said."""

    column: str
    sources: tuple[str, ...]
    why: str


def choose(where: str, of: str, records: pl.DataFrame, said: Mapping[str, str]) -> list[Chosen]:
    """The columns of a file that speak of an entity. Raises ConfigurationWrong when none does, or for what is said of a column that is not there.

    said  {canonical column: column of the file}, which goes before our own guess; an empty column leaves the field out
    """
    columns = {**entity.all_entities()[of].columns(), **matching.read(of).beside}
    if unknown := sorted(said.keys() - columns.keys()):
        raise ConfigurationWrong(f"--map {unknown[0]}: {of} has no such column; there are {', '.join(columns)}")
    if absent := sorted({column for column in said.values() if column} - set(records.columns)):
        raise ConfigurationWrong(f"{where}: has no column {absent[0]!r} to map; it has {', '.join(records.columns)}")
    chosen = {canonical: Chosen(canonical, (column,) if column else (), "said") for canonical, column in said.items()}
    for canonical, sources in _by_name(of, records).items():
        chosen.setdefault(canonical, Chosen(canonical, sources, "name"))
    for canonical, column in _by_content(of, records, {source for each in chosen.values() for source in each.sources}).items():
        chosen.setdefault(canonical, Chosen(canonical, (column,), "content"))
    if not any(each.sources for each in chosen.values()):
        raise ConfigurationWrong(f"{where}: none of {', '.join(records.columns)} speaks of a {of}; say which does with --map")
    return [each for each in chosen.values() if each.sources]


def _by_name(of: str, records: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    own = {path.replace(".", "_"): column for path, column in synonyms.matches(of, records).items()}
    beside = synonyms.beside(matching.read(of).beside, records)
    if {"given_name", "family_name"} <= beside.keys():
        own.pop("full_name", None)  # both halves say more
    taken = {*own.values()}
    found = own | {name: column for name, column in beside.items() if column not in taken}
    return {column: (source,) for column, source in found.items() if column in {**entity.all_entities()[of].columns(), **beside}}


def _by_content(of: str, records: pl.DataFrame, taken: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in entity.all_entities()[of].fields.items():
        for column in (each for each in records.columns if each not in taken):
            if name not in found and _looks(field.type, records[column]):
                found[name] = column
                taken = taken | {column}
    return found


def _looks(kind: str, values: pl.Series) -> bool:
    some = values.drop_nulls().head(LOOKED_AT).to_list()
    fits = vat.is_valid if kind == "tax_id" else LOOKS[kind].fullmatch if kind in LOOKS else None
    return bool(some and fits) and sum(bool(fits(value.strip())) for value in some) >= SURE * len(some)
