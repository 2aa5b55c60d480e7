"""Finds and blanks what snapshots say of a person, by the classes that the entities give their fields."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import duckdb

from hub import entity, snapshot
from hub.journal_values import ERASED
from hub.mapping import Object

CLASSES = ("personal", "sensitive")
TELLING = 6  # letters of a text that nobody else's values hold by chance


def fields(each: Object) -> list[str]:
    """The source fields of an object that say something personal.

    Not those that say which record it is: its key, its hub id, a number that alone tells it apart.
    """
    known = entity.all_entities()[each.of]
    numbers = known.identity.numbers
    found = {
        column.source
        for name, field in known.fields.items()
        if field.sensitivity in CLASSES and field.type != "reference" and name not in numbers
        for column in each.fields.get(name, {}).values()
    }
    return sorted(found - {None, each.key, each.changed, each.external_id, each.gone.deleted, each.gone.merged_into})


def snapshots_with(connection: duckdb.DuckDBPyConnection, folder: Path, refs: Collection[str]) -> dict[str, int]:
    """{snapshot id: rows that say something personal of these records}, of those that have any."""
    found = {str(place.relative_to(folder)): _count(connection, place, ids) for place, ids in _about(folder, refs)}
    return {name: rows for name, rows in found.items() if rows}


def words(connection: duckdb.DuckDBPyConnection, folder: Path, refs: Collection[str]) -> set[str]:
    """The personal texts that snapshots hold of these records, as far as they are long enough to tell of nobody else."""
    found: set[str] = set()
    for place, ids in _about(folder, refs):
        each = snapshot.read_contract(place)
        texts = ", ".join(f"{_quoted(path)}::VARCHAR" for path in fields(each) if each.source_fields()[path] == "VARCHAR")
        rows = connection.execute(f"SELECT DISTINCT unnest([{texts or 'NULL'}]) FROM {_rows(place)} WHERE {_theirs(each)}", {"ids": ids})
        found |= {word for (word,) in rows.fetchall() if word and len(word) >= TELLING}
    return found


def blank(connection: duckdb.DuckDBPyConnection, folder: Path, refs: Collection[str]) -> None:
    """Take what is personal of these records out of every snapshot. The records stay, with their ids and what is not personal.

    A snapshot at which this was cut off is damaged until it is done again.
    """
    for place, ids in _about(folder, refs):
        if _count(connection, place, ids) or not snapshot.is_whole(place):
            _blank(connection, place, ids)


def by_object(refs: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """{(system, object): ids of the records there}."""
    found: dict[tuple[str, str], list[str]] = {}
    for ref in sorted(refs):
        system, name, record_id = ref.split(":", 2)
        found.setdefault((system, name), []).append(record_id)
    return found


def _about(folder: Path, refs: Collection[str]) -> Iterator[tuple[Path, list[str]]]:
    """The snapshots of the objects of these records, each with the ids that the records have there."""
    for (system, name), ids in by_object(refs).items():
        for manifest in snapshot.all_manifests(folder / system / name):
            yield folder / manifest.id, ids


def _count(connection: duckdb.DuckDBPyConnection, place: Path, ids: list[str]) -> int:
    each = snapshot.read_contract(place)
    said = " OR ".join([*(f"{_quoted(path)} IS NOT NULL" for path in fields(each)), f"_raw::VARCHAR <> {_bare(each)}::VARCHAR"])
    return connection.execute(f"SELECT count(*) FROM {_rows(place)} WHERE {_theirs(each)} AND ({said})", {"ids": ids}).fetchone()[0]


def _blank(connection: duckdb.DuckDBPyConnection, place: Path, ids: list[str]) -> None:
    each, draft = snapshot.read_contract(place), place / ".rows.draft"
    emptied = [f"CASE WHEN NOT {_theirs(each)} THEN {_quoted(path)} END AS {_quoted(path)}" for path in fields(each)]
    emptied += [
        f"CASE WHEN {_theirs(each)} AND _raw IS NOT NULL THEN {_bare(each)} ELSE _raw END AS _raw",
        f"CASE WHEN {_theirs(each)} AND _reason IS NOT NULL THEN '{ERASED}' ELSE _reason END AS _reason",
    ]
    rows = f"SELECT * EXCLUDE (file_row_number) REPLACE ({', '.join(emptied)}) FROM {_rows(place)} ORDER BY file_row_number"
    connection.execute("CREATE OR REPLACE TEMP TABLE emptied_of AS SELECT unnest($ids::VARCHAR[]) AS id", {"ids": ids})
    connection.execute(
        f"COPY ({rows.replace('$ids', '(SELECT list(id) FROM emptied_of)')}) TO '{draft}' (FORMAT parquet, COMPRESSION zstd)"
    )
    with open(draft, "rb") as file:
        manifest = replace(snapshot.read_manifest(place), hash=hashlib.file_digest(file, "sha256").hexdigest())
    os.replace(draft, place / "rows.parquet")
    (place / ".manifest.draft").write_text(json.dumps(asdict(manifest), indent=1))
    os.replace(place / ".manifest.draft", place / "manifest.json")


def _rows(place: Path) -> str:
    return f"read_parquet('{place / 'rows.parquet'}', file_row_number = true)"


def _theirs(each: Object) -> str:
    return f"list_contains($ids, {_quoted(each.key)})"


def _bare(each: Object) -> str:
    """What is left of the text of a broken row."""
    return f"to_json({{{_quoted(each.key, chr(39))}: {_quoted(each.key)}}})"


def _quoted(name: str, quote: str = '"') -> str:
    return quote + name.replace(quote, quote * 2) + quote
