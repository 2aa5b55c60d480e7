"""Which column of a file is which field of an entity: by its name, by what the user says, else by what stands in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from stdnum.eu import vat

from hub import entity
from hub.errors import ConfigurationWrong
from hub.systems.files import synonyms

SURE = 0.8  # the share of a column's values that must look like a field to be taken for it
LOOKED_AT = 1_000  # values
LOOKS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "domain": re.compile(r"(https?://)?([a-z0-9-]+\.)+[a-z]{2,}(/\S*)?", re.IGNORECASE),
    "phone": re.compile(r"(?=(\D*\d){7})(\+|00|\(0|0\d+[ /-])[\d ()/.-]+"),
}
# What people lists call the two halves of a name.
HALVES = {
    "given": ["given name", "first name", "forename", "given", "vorname", "fname", "prenom"],
    "family": ["family name", "last name", "surname", "family", "nachname", "lname", "nom"],
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
    columns = entity.all_entities()[of].columns()
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
    found = {path.replace(".", "_"): (column,) for path, column in synonyms.matches(of, records).items()}
    columns = {synonyms.plain(column): column for column in reversed(records.columns)}
    halves = [next((columns[synonyms.plain(word)] for word in words if synonyms.plain(word) in columns), None) for words in HALVES.values()]
    if "full_name" in entity.all_entities()[of].fields and all(halves):
        found["full_name"] = tuple(halves)
    return {column: sources for column, sources in found.items() if column in entity.all_entities()[of].columns()}


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
