"""What an object promised, as SQL that validates every row, and checks on the whole batch."""

import hashlib
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
from pydantic_core import to_json

from hub import store
from hub.column import Column
from hub.errors import ContractBroken
from hub.mapping import Object, System

if TYPE_CHECKING:
    from hub.snapshot import Manifest

FEW = 20  # in fewer rows than this, a field that nobody filled tells nothing


def version(each: Object) -> str:
    """Changes whenever the mapping or the promise does; rows of two versions are not comparable."""
    return hashlib.sha256(each.model_dump_json().encode()).hexdigest()[:12]


def unmapped(each: Object, fields: set[str]) -> set[str]:
    """Top-level fields that the system sends and nobody has mapped or chosen to ignore."""
    return {field for field in fields if field not in _top_level(each) and field not in each.ignore}


def validation(each: Object, spool: Path, nested: bool = True) -> str:
    """A query that gives each spooled row its promised types, and a reason when it breaks the promise.

    One row a spooled row: the promised source fields, typed; `_reason`, NULL when the row is good; `_raw`, the row's
    own text when it is not.
    """
    promised, columns = each.source_fields(), _mapped(each)
    texts = {path: _text(path, nested) for path in promised}
    typed = {path: _typed(texts[path], kind, columns.get(path)) for path, kind in promised.items()}
    reasons = [_missing(texts[each.key], each.key)]
    reasons += [_unfit(texts[path], typed[path], path, kind) for path, kind in promised.items() if kind != "VARCHAR"]
    reasons += [_uncoded(texts[path], path, column) for path, column in columns.items() if column.codes]
    raw = "to_json({" + ", ".join(f"{_quoted(top, chr(39))}: {_quoted(top)}" for top in _tops(promised, nested)) + "})"
    return f"""
      SELECT {_listed(typed)},
        nullif(concat_ws('; ', {", ".join(reasons)}), '') AS _reason,
        CASE WHEN _reason IS NOT NULL THEN {raw} END AS _raw
      FROM {_spooled(promised, spool, nested)}"""


def typed_rows(
    connection: duckdb.DuckDBPyConnection, each: Object, rows: list[dict], nested: bool = True, fields: Collection[str] = ()
) -> str:
    """A temporary table with these records as the contract types them, `_id` first; returns its name. fields: all, unless said."""
    promised, columns = {path: kind for path, kind in each.source_fields().items() if path in fields or not fields}, _mapped(each)
    # Nobody asks here what is wrong with a row: to say so takes ten times as long as to type it.
    typed = {path: _typed(_text(path, nested), kind, columns.get(path)) for path, kind in promised.items()}
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as spool:
        spool.write(b"\n".join(map(to_json, rows)))
        spool.flush()
        source = _spooled(promised, Path(spool.name), nested)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE looked_at AS SELECT {_text(each.key, nested)} AS _id, {_listed(typed)} FROM {source}"
        )
    return "looked_at"


def check_batch(system: System, each: Object, rows: Path, manifest: "Manifest", known: pl.Series | None, before: "Manifest | None") -> None:
    """Refuse a batch that can't be what the object holds. Raises ContractBroken with the figures."""
    where = f"{system.system} {each.name}"
    good = manifest.rows - manifest.quarantined
    if manifest.rows >= FEW and manifest.quarantined > manifest.rows / 2:
        raise ContractBroken(
            f"{where}: {manifest.quarantined} of {manifest.rows} rows are broken, the first: {_first_reason(rows)}; correct system.yaml or the source"
        )
    if vanished := _vanished(each, manifest, before):
        raise ContractBroken(f"{where} no longer sends {', '.join(vanished)}; map what replaced it, or take it out of system.yaml")
    if manifest.kind != "full" or not manifest.complete:
        return
    if emptied := _emptied(each, rows, before):
        raise ContractBroken(
            f"{where}: {', '.join(emptied)} was filled before and is empty in all {manifest.rows} records, so nothing of it is believed; "
            f"see who lost permission, or take it out of system.yaml"
        )
    if known is not None and good < len(known) * (1 - each.expect.collapse):
        raise ContractBroken(
            f"{where}: {good} records where {len(known)} were before; if that is right, raise expect.collapse for one run, else see who lost permission"
        )
    if each.expect.rows and not each.expect.rows[0] <= good <= each.expect.rows[1]:
        raise ContractBroken(
            f"{where}: {good} records, expected {each.expect.rows[0]} to {each.expect.rows[1]}; correct the source or expect.rows"
        )
    if good >= FEW:
        _check_filled(where, each, rows, good)


def _check_filled(where: str, each: Object, rows: Path, good: int) -> None:
    if not each.expect.filled:
        return
    counts = ", ".join(f"count(nullif({_quoted(path)}::VARCHAR, ''))" for path in each.expect.filled)
    with store.connect() as connection:
        found = connection.execute(f"SELECT {counts} FROM read_parquet('{rows}') WHERE _reason IS NULL").fetchone()
    for (path, share), filled in zip(each.expect.filled.items(), found, strict=True):
        if filled < share * good:
            raise ContractBroken(
                f"{where}: {path} is filled in {filled} of {good} records, promised {share:.0%}; correct the source or expect.filled"
            )


def _vanished(each: Object, manifest: "Manifest", before: "Manifest | None") -> list[str]:
    if manifest.rows < FEW or not before or not before.fields:
        return []
    return sorted(_top_level(each) & set(before.fields) - set(manifest.fields))


def _emptied(each: Object, rows: Path, before: "Manifest | None") -> list[str]:
    """Mapped fields that the full read before had in some records and this one in none: nobody clears a field in all of them."""
    if before is None or before.kind != "full":
        return []
    then, now = (_filled(path) for path in (rows.parent.with_name(Path(before.id).name) / rows.name, rows))
    return sorted(path for path in _mapped(each) if then.get(path, 0) >= FEW and now.get(path) == 0)


def _filled(rows: Path) -> dict[str, int]:
    """In how many rows each column says anything, by the file's own figures; none for a file that is gone."""
    if not rows.exists():
        return {}
    with store.connect() as connection:
        return dict(
            connection.execute(
                f"SELECT path_in_schema, sum(num_values - stats_null_count)::BIGINT FROM parquet_metadata('{rows}') GROUP BY 1"
            ).fetchall()
        )


def _first_reason(rows: Path) -> str:
    return pl.scan_parquet(rows).filter(pl.col("_reason").is_not_null()).select("_reason").head(1).collect().item()


def _mapped(each: Object) -> dict[str, Column]:
    """The columns that are made of source fields, by these."""
    return {column.source: column for _, column in each.columns().values() if column.source}


def _listed(typed: dict[str, str]) -> str:
    return ", ".join(f"{sql} AS {_quoted(path)}" for path, sql in typed.items())


def _spooled(promised: dict[str, str], spool: Path, nested: bool) -> str:
    """The spooled rows, each top-level field as text, or as JSON when something in it is promised."""
    kinds = ", ".join(
        f"{_quoted(top, chr(39))}: '{'JSON' if nested and _is_parent(top, promised) else 'VARCHAR'}'" for top in _tops(promised, nested)
    )
    return f"read_json('{spool}', format = 'newline_delimited', columns = {{{kinds}}}, maximum_object_size = 67108864)"


def _tops(promised: dict[str, str], nested: bool) -> list[str]:
    return sorted({path.split("/")[0] if nested else path for path in promised})


def _top_level(each: Object) -> set[str]:
    paths = set(each.source_fields())
    return {path.split("/")[0] for path in paths} | paths


def _is_parent(top: str, promised: dict[str, str]) -> bool:
    return any(path.startswith(f"{top}/") for path in promised)


def _text(path: str, nested: bool) -> str:
    top, *rest = path.split("/") if nested else [path]
    return f"""({_quoted(top)} ->> '$.{".".join(f'"{step}"' for step in rest)}')""" if rest else _quoted(top)


def _typed(text: str, kind: str, column: Column | None) -> str:
    if kind == "VARCHAR":
        return text
    if column and column.format:
        return f"try_strptime({text}, '{column.format}')::{kind}"
    if kind == "TIMESTAMP":  # a plain cast drops the offset, one by way of TIMESTAMPTZ takes the time zone of the machine
        return f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    return f"TRY_CAST({text} AS {kind})"


def _missing(text: str, key: str) -> str:
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN {_quoted(key + ' is missing', chr(39))} END"


def _unfit(text: str, typed: str, path: str, kind: str) -> str:
    what = {"DATE": "a date", "TIMESTAMP": "an instant", "BOOLEAN": "true or false"}.get(kind, "a number that fits " + kind)
    return f"CASE WHEN {typed} IS NULL AND {text} <> '' THEN '{path}: ''' || left({text}, 40) || ''' is not {what}' END"


def _uncoded(text: str, path: str, column: Column) -> str:
    known = ", ".join(_quoted(code, "'") for code in column.codes)
    return f"CASE WHEN {text} <> '' AND {text} NOT IN ({known}) THEN '{path}: no code for ''' || left({text}, 40) || '''' END"


def _quoted(name: str, quote: str = '"') -> str:
    return quote + name.replace(quote, quote * 2) + quote
