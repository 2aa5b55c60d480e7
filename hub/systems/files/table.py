"""Reads a file as a table of text: 007 and 1.10 stay what they were, and a broken row is named, never dropped."""

import io
import json
from pathlib import Path

import polars as pl

from hub.errors import ConfigurationWrong, ContractBroken
from hub.systems.files.folder import Options

TEXT, SHEETS, LINES = {".csv", ".tsv", ".txt"}, {".xlsx", ".xlsm", ".xls", ".ods"}, {".ndjson", ".jsonl"}


def read(where: str, path: Path, wanted: Options) -> pl.DataFrame:
    """All records of a file, every value text or null, columns named by its header.

    where  begins the message of every error: system, object and file

    Raises ContractBroken for a file that is empty, cut off, or not what it says it is.
    """
    if path.stat().st_size == 0:
        raise ContractBroken(f"{where}: is empty; have it delivered again")
    try:
        records = _read(where, path, wanted)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as wrong:
        # Their messages quote cells, and a cell may be personal.
        raise ContractBroken(f"{where}: is not valid {path.suffix[1:].upper()} ({type(wrong).__name__}); have it delivered again") from None
    if records.is_empty():
        raise ContractBroken(f"{where}: holds a header but no records; have it delivered again")
    return records.with_columns(pl.all().replace("", None))  # a file knows no difference between empty and absent


def _read(where: str, path: Path, wanted: Options) -> pl.DataFrame:
    kind = path.suffix.lower()
    if kind in TEXT:
        return _text(where, path, wanted)
    if kind in SHEETS:
        return _sheet(where, path, wanted)
    if kind in LINES:
        return _json_lines(where, path)
    if kind == ".parquet":
        return pl.read_parquet(path).select(pl.all().cast(pl.String))
    raise ConfigurationWrong(f"{where}: {kind} can't be read; deliver CSV, XLSX, Parquet or NDJSON, or correct read.pattern")


def _text(where: str, path: Path, wanted: Options) -> pl.DataFrame:
    records = _records(where, decoded(where, path, wanted.encoding)).slice(wanted.header_row - 1)
    if records.is_empty():
        raise ContractBroken(f"{where}: has no row {wanted.header_row} for a header; correct read.header_row")
    bare = pl.col("text").str.replace_all('"[^"]*"', "")
    records = records.with_columns(cells=bare.str.count_matches(wanted.delimiter, literal=True) + 1)
    width = records["cells"][0]
    for line, cells in records.filter(pl.col("cells") != width).select("line", "cells").head(1).iter_rows():
        raise ContractBroken(f"{where} line {line}: has {cells} cells where the header has {width}; correct the line or read.delimiter")
    body = io.BytesIO(records["text"].str.join("\n").item().encode())
    rows = pl.read_csv(body, separator=wanted.delimiter, has_header=False, infer_schema=False)
    if rows.height != records.height:
        raise ContractBroken(f"{where}: has quotes inside cells that are not quoted; have every cell with a quote quoted")
    return _named(where, rows, records["line"][0])


def _records(where: str, text: str) -> pl.DataFrame:
    """One row a record: its text, and the line it starts on. A quoted cell may go over several lines."""
    lines = pl.DataFrame({"text": [text]}).select(pl.col("text").str.split("\n").explode().str.strip_suffix("\r"))
    lines = lines.with_row_index("line", offset=1).with_columns(
        is_open=pl.col("text").str.count_matches('"', literal=True).cum_sum() % 2 == 1
    )
    starts = ~pl.col("is_open").shift(1, fill_value=False)
    if lines["is_open"][-1]:
        line = lines.filter(starts)["line"][-1]
        raise ContractBroken(f"{where} line {line}: a quote opens and never closes; the file may be cut off, have it delivered again")
    if lines["is_open"].any():
        lines = lines.group_by(starts.cum_sum().alias("record"), maintain_order=True).agg(
            pl.col("line").first(), pl.col("text").str.join("\n")
        )
    return lines.filter(pl.col("text") != "")


def decoded(where: str, path: Path, encoding: str | None) -> str:
    """The text of a file: UTF-8, else as declared. Never guessed: a wrong guess is a wrong name."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        if encoding:
            return raw.decode(encoding)
        line = raw.count(b"\n", 0, wrong.start) + 1
        raise ContractBroken(f"{where} line {line}: is not UTF-8; set read.encoding, such as cp1252") from wrong


def _sheet(where: str, path: Path, wanted: Options) -> pl.DataFrame:
    try:
        cells = pl.read_excel(
            path,
            sheet_name=wanted.sheet,
            has_header=False,
            drop_empty_rows=False,
            drop_empty_cols=False,
            raise_if_empty=False,
            read_options={"dtypes": "string"},
        )
    except Exception as wrong:  # fastexcel and calamine each raise their own kinds for a file that is not a workbook
        raise ContractBroken(
            f"{where}: is no workbook with that sheet ({type(wrong).__name__}); deliver it again, or correct read.sheet"
        ) from None
    rows = cells.slice(wanted.header_row - 1)
    if rows.is_empty():
        raise ContractBroken(f"{where}: has no row {wanted.header_row} for a header; correct read.header_row or read.sheet")
    named = _named(where, rows, wanted.header_row).filter(~pl.all_horizontal(pl.all().is_null()))
    return named.with_columns(pl.all().str.replace(r"^(\d{4}-\d\d-\d\d) 00:00:00$", "$1"))  # a day is a midnight to Excel


def _named(where: str, rows: pl.DataFrame, line: int) -> pl.DataFrame:
    """Rows named by the first of them."""
    names = [(name or "").strip() for name in rows.row(0)]
    if "" in names:
        raise ContractBroken(f"{where} line {line}: column {names.index('') + 1} has no name; name it, or correct read.header_row")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ContractBroken(f"{where} line {line}: {', '.join(twice)} stands twice; rename one")
    return rows.slice(1).rename(dict(zip(rows.columns, names, strict=True)))


def _json_lines(where: str, path: Path) -> pl.DataFrame:
    try:
        names = pl.read_ndjson(path, infer_schema_length=None).columns
        return pl.read_ndjson(path, schema=dict.fromkeys(names, pl.String))
    except pl.exceptions.PolarsError:
        raise ContractBroken(
            f"{where} line {_first_broken(path)}: is no JSON object; correct it, or have the file delivered again"
        ) from None


def _first_broken(path: Path) -> int:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            json.loads(line or b"{}")
        except ValueError:
            return number
    return 1
