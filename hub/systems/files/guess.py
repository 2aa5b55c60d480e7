"""Proposes a system.yaml for files that nobody has described yet, for a person to read and correct."""

import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from hub import entity
from hub.errors import ConfigurationWrong, ContractBroken
from hub.systems.files import synonyms, table
from hub.systems.files.folder import DAY_FIRST, YEAR_FIRST, Options

DATES = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%y", "%Y%m%d"]
YES_NO = {
    "true": "true",
    "yes": "true",
    "y": "true",
    "ja": "true",
    "j": "true",
    "x": "true",
    "1": "true",
    "false": "false",
    "no": "false",
    "n": "false",
    "nein": "false",
    "0": "false",
}
KEY_WORDS = re.compile(r"id$|no$|nr$|number$|nummer$|code$|key$")
READABLE = table.TEXT | table.SHEETS | table.LINES | {".parquet"}


def guess(path: Path, objects: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The object that a file seems to hold, as in system.yaml: is, key, read, fields.

    objects  {entity: object} of the same system; a reference is only proposed to one of these

    A column that is nobody's synonym, or holds a code that we don't know, is left out: the hub then reports it as
    neither mapped nor ignored. Raises ConfigurationWrong when no entity fits or no column tells the records apart.
    """
    read = how_to_read(path)
    records = table.read(path.name, path, Options(**read))
    name = synonyms.best_entity(path, records)
    key = _key(path, records)
    named = {"is": name, "key": "|".join(key), "read": read | ({"key": list(key)} if len(key) > 1 else {})}
    return named | {"fields": _fields(name, records, objects or {})}


def system(folder: Path, name: str, role: str) -> dict[str, Any]:
    """A system.yaml for all files of a folder: one object for each kind of file name, proposed from the newest."""
    newest = {_pattern(path): path for path in sorted(folder.iterdir()) if path.suffix.lower() in READABLE and path.name[0] not in ".~"}
    if not newest:
        raise ConfigurationWrong(f"{folder}: holds no file that can be read; put one there and try again")
    kinds = {_object_name(path): (path, guess(path)["is"]) for path in newest.values()}
    if len(kinds) < len(newest):
        raise ConfigurationWrong(f"{folder}: files of one name but several kinds: {', '.join(sorted(newest))}; keep one kind of each")
    objects = {kind: each for each, (_, kind) in reversed(kinds.items())}
    guessed = {each: guess(path, objects) for each, (path, _) in kinds.items()}
    return {"system": name, "role": role, "connector": "files", "nested": False, "objects": guessed}


def _fields(name: str, records: pl.DataFrame, objects: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    known = entity.all_entities()[name].fields
    for path, column in synonyms.matches(name, records).items():
        field, _, part = path.partition(".")
        spec = column if part else _spec(known[field], records[column], objects)
        if spec is not None and known[field].type in ("address", "money"):
            fields.setdefault(field, {})[part or "value"] = spec
        elif spec is not None:
            fields[field] = spec
    return {name: spec for name, spec in fields.items() if known[name].type != "money" or "value" in spec}


def _spec(field: entity.Field, values: pl.Series, objects: Mapping[str, str]) -> Any:
    """How a column maps to a field; None where only a person can tell."""
    if field.type == "reference":
        return {"from": values.name, "object": objects[field.to]} if field.to in objects else None
    if field.type == "date":
        return _day(values)
    if field.type == "code":
        return _codes(
            {synonyms.plain(word): code for code, meaning in entity.codes(field.codes).items() for word in (meaning, code)}, values
        )
    if field.type == "boolean":
        return _codes(YES_NO, values)
    if field.type in ("money", "quantity", "share", "integer"):
        return values.name if values.str.to_decimal(scale=6).null_count() == values.null_count() else None
    return values.name


def _day(values: pl.Series) -> Any:
    formats = [each for each in DATES if _fits(values, each)]
    if not formats or {"%d/%m/%Y", "%m/%d/%Y"} <= set(formats) and len(formats) == 2:
        return None  # no day beyond the 12th tells whether the day or the month comes first
    return values.name if formats[0] == DATES[0] else {"from": values.name, "format": formats[0]}


def _fits(values: pl.Series, form: str) -> bool:
    days = values.str.to_date(form, strict=False)
    return days.null_count() == values.null_count() and bool(days.dt.year().is_between(1900, 2200).all())  # %Y takes 26 for the year 26


def _codes(ours: Mapping[str, str], values: pl.Series) -> Any:
    theirs = {value: ours.get(synonyms.plain(value)) for value in values.drop_nulls().unique().sort()}
    if not theirs or None in theirs.values():
        return None
    return values.name if all(value == code for value, code in theirs.items()) else {"from": values.name, "codes": theirs}


def _key(path: Path, records: pl.DataFrame) -> tuple[str, ...]:
    """The column that tells records apart, else two that do together; one that is named like a key comes first."""
    full = [column for column in records.columns if records[column].null_count() == 0]
    ranked = sorted(full, key=lambda column: not KEY_WORDS.search(synonyms.plain(column)))
    for size in (1, 2):
        for columns in combinations(ranked, size):
            if records.select(columns).n_unique() == records.height:
                return columns
    raise ConfigurationWrong(f"{path.name}: no one or two columns tell its records apart; add one that does")


def how_to_read(path: Path) -> dict[str, Any]:
    """The `read:` of a file: its pattern, and for text its delimiter and, unless it is UTF-8, cp1252."""
    read: dict[str, Any] = {"pattern": _pattern(path)}
    if path.suffix.lower() not in table.TEXT:
        return read
    try:
        text = table.decoded(path.name, path, None)
    except ContractBroken:
        read["encoding"], text = "cp1252", table.decoded(path.name, path, "cp1252")
    first = text.partition("\n")[0]
    return {**read, "delimiter": max(",;\t|", key=first.count)}


def _pattern(path: Path) -> str:
    stem = re.sub(r"[-_. ]*\d[-_.\d]*$", "*", DAY_FIRST.sub("*", YEAR_FIRST.sub("*", path.stem)))
    return re.sub(r"[*]+", "*", stem.rstrip("-_. *") + "*") + path.suffix


def _object_name(path: Path) -> str:
    return re.sub(r"\W+", "_", _pattern(path).removesuffix(path.suffix).strip("*")).strip("_").lower()
