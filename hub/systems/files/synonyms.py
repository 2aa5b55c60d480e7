"""Knows what exports call our fields, and so which entity a file holds."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from hub import entity
from hub.errors import ConfigurationWrong


def best_entity(path: Path, records: pl.DataFrame) -> str:
    """The entity that most columns speak of; the file's name counts as much as four columns."""
    words = {*re.findall(r"[a-z]+", _fold(path.stem)), re.sub("[^a-z]", "", _fold(path.stem))}
    score = {
        name: len(matches(name, records)) + 4 * bool(words & {plain(word) for word in known["files"]})
        for name, known in _synonyms().items()
    }
    best = max(score, key=score.get)
    if score[best] < 2:
        raise ConfigurationWrong(
            f"{path.name}: its columns {', '.join(records.columns)} fit no entity; write its object into system.yaml yourself"
        )
    return best


def matches(name: str, records: pl.DataFrame) -> dict[str, str]:
    """{field or field.part: column}; each synonym list from its first word on."""
    return _found(_synonyms()[name]["fields"], records)


def beside(wanted: Iterable[str], records: pl.DataFrame) -> dict[str, str]:
    """{column that an entity has not: column of the file}, of those wanted."""
    return _found({name: _written()["beside"][name] for name in wanted}, records)


def _found(synonyms: Mapping[str, Iterable[str]], records: pl.DataFrame) -> dict[str, str]:
    columns = {plain(column): column for column in reversed(records.columns)}
    found = {name: next((columns[plain(word)] for word in words if plain(word) in columns), None) for name, words in synonyms.items()}
    return {name: column for name, column in found.items() if column}


def plain(text: str) -> str:
    """The text without what people write in many ways: case, umlauts, spaces and signs."""
    return re.sub(r"[^a-z0-9]", "", _fold(text))


def _fold(text: str) -> str:
    return text.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})


@cache
def _written() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_name("synonyms.yaml").read_text())


@cache
def _synonyms() -> dict[str, dict[str, Any]]:
    """What columns and files are called, by entity: as synonyms.yaml says, and by our own words."""
    written = {name: known for name, known in _written().items() if name != "beside"}
    entities = entity.all_entities()
    named = [*written, *(name for name in entities if name not in written)]  # of equal fits, the more usual kind
    return {name: _words(entities[name], written.get(name, {"files": [], "fields": {}})) for name in named}


def _words(each: entity.Entity, written: dict[str, Any]) -> dict[str, Any]:
    parts = {"address": entity.TYPES["address"], "money": entity.TYPES["money"]}
    paths = [f"{name}.{part}".strip(".") for name, field in each.fields.items() for part in parts.get(field.type, [""])]
    fields = {path: [*written["fields"].get(path, []), path.replace(".", " ")] for path in paths}
    return {"files": [*written["files"], each.entity, f"{each.entity}s", re.sub("y$", "ies", each.entity)], "fields": fields}
