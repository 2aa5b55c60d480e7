"""What it costs to bring JSON records to validated Parquet, beside those who read them without a reason for what is broken."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ValidationError

from benchmarks.measure import Clock
from hub import contract, store
from hub.mapping import Object

CODES = {
    "kind": {"MSA": "msa", "SOW": "sow"},
    "status": {"Draft": "draft", "Signed": "signed", "Ended": "ended"},
    "fee_model": {"T": "time_and_materials", "F": "fixed_fee"},
    "payment_terms": {"N30": "net_30", "N60": "net_60", "N90": "net_90"},
    "service_line": {"ADV": "advisory", "TRA": "training"},
}
CONTRACT = Object.model_validate(
    {
        "name": "Contract",
        "is": "contract",
        "key": "Id",
        "changed": "Stamp",
        "fields": {
            "number": "Number",
            "title": "Title",
            "signed_on": "Signed",
            "starts_on": "Starts",
            "ends_on": "Ends",
            "amount": {"value": "Amount", "currency": "Currency"},
            "hourly_rate": {"value": "Rate", "currency": "Currency"},
            "legal_entity": "Entity",
            "opportunity": {"from": "Deal", "object": "Deal"},
            "customer": {"from": "Account", "object": "Account"},
            "version": "Version",
            "parent": {"from": "Master", "object": "Contract"},
            **{
                name: {"from": source, "codes": CODES[name]}
                for name, source in (
                    ("kind", "Kind"),
                    ("status", "Status"),
                    ("fee_model", "Model"),
                    ("payment_terms", "Terms"),
                    ("service_line", "Line"),
                )
            },
        },
    }
)
# One row in a hundred is broken: a status without a code, a day that no calendar has, an amount that is no number.
ROWS = """
SELECT 'K' || i AS "Id", '2026-01-01T08:15:00Z' AS "Stamp", 'N-' || hash(i) % 10000000 AS "Number", 'Agreement about matter ' || hash(i + 9) % 900000 AS "Title",
  ['MSA', 'SOW'][1 + i % 2] AS "Kind", if(i % 100 = 7 AND i % 3 = 0, 'Lost', ['Draft', 'Signed', 'Ended'][1 + i % 3]) AS "Status",
  (DATE '2026-01-01' + (i % 300)::INT)::VARCHAR AS "Signed", if(i % 100 = 7 AND i % 3 = 1, '2026-02-31', (DATE '2026-01-01' + (i % 300)::INT)::VARCHAR) AS "Starts",
  if(i % 4 = 0, NULL, (DATE '2027-01-01' + (i % 300)::INT)::VARCHAR) AS "Ends", if(i % 100 = 7 AND i % 3 = 2, to_json('much'), to_json((hash(i + 1) % 10000000) / 100)) AS "Amount",
  ['EUR', 'CHF', 'USD'][1 + i % 3] AS "Currency", 80 + (hash(i + 2) % 30000) / 100 AS "Rate", ['T', 'F'][1 + i % 2] AS "Model", ['N30', 'N60', 'N90'][1 + i % 3] AS "Terms",
  ['ADV', 'TRA'][1 + i % 2] AS "Line", ['DE01', 'DE02'][1 + i % 2] AS "Entity", 'O' || hash(i + 3) % 100000 AS "Deal", 'C' || hash(i + 4) % 200000 AS "Account",
  1 + i % 7 AS "Version", if(i % 5 = 0, 'K' || i // 5, NULL) AS "Master"
FROM range({rows}) AS t(i)"""


class Record(BaseModel):
    """The same promise, as pydantic checks it."""

    Id: str
    Stamp: str
    Number: str
    Title: str
    Kind: Literal["MSA", "SOW"]
    Status: Literal["Draft", "Signed", "Ended"]
    Signed: date
    Starts: date
    Ends: date | None
    Amount: Decimal
    Currency: str
    Rate: Decimal
    Model: Literal["T", "F"]
    Terms: Literal["N30", "N60", "N90"]
    Line: Literal["ADV", "TRA"]
    Entity: str
    Deal: str
    Account: str
    Version: int
    Master: str | None


def prepare(clock: Clock, folder: str, rows: str) -> None:
    with duckdb.connect() as source, clock:
        source.execute(f"COPY ({ROWS.format(rows=int(rows))}) TO '{_spool(folder)}' (FORMAT json)")


def hub(clock: Clock, folder: str) -> None:
    """Types, quarantine and reasons, as a snapshot does it."""
    with store.connect() as connection, clock:
        connection.execute(
            f"COPY ({contract.validation(CONTRACT, _spool(folder))}) TO '{Path(folder) / 'hub.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )


def read_json_auto(clock: Clock, folder: str) -> None:
    """DuckDB's own guess of the types; one broken row makes a column text."""
    with store.connect() as connection, clock:
        connection.execute(
            f"COPY (SELECT * FROM read_json_auto('{_spool(folder)}')) TO '{Path(folder) / 'auto.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )


def pydantic(clock: Clock, folder: str) -> None:
    """Row by row, good and broken rows to Parquet."""
    with clock:
        good, broken = [], []
        for line in _spool(folder).open("rb"):
            try:
                good.append(Record.model_validate_json(line).model_dump())
            except ValidationError as wrong:
                broken.append({"raw": line.decode(), "reason": str(wrong)})
        pl.DataFrame(
            good, schema_overrides={"Amount": pl.Decimal(18, 2), "Rate": pl.Decimal(18, 2)}, infer_schema_length=None
        ).write_parquet(Path(folder) / "pydantic.parquet")
        pl.DataFrame(broken).write_parquet(Path(folder) / "broken.parquet")


def _spool(folder: str) -> Path:
    return Path(folder) / "contracts.ndjson"
