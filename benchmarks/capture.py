"""What it costs to find and load the changes of a snapshot, beside reading both snapshots."""

import shutil
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.measure import Clock
from hub import capture, changes, store
from hub.mapping import Object, System
from hub.snapshot import Manifest

ACCOUNT = Object.model_validate(
    {
        "name": "Account",
        "is": "customer",
        "key": "Id",
        "changed": "Stamp",
        "gone": {"deleted": "IsDeleted"},
        "fields": {
            "legal_name": "Name",
            "trade_name": "Trade",
            "life_cycle": {"from": "Status", "codes": {"A": "customer", "I": "prospect", "X": "closed"}},
            "tax_id": "Vat",
            "registration_number": "Register",
            "website": "Website",
            "phone": "Phone",
            "email": "Email",
            "billing_address": {"street": "Street", "city": "City", "postcode": "Zip", "country": "Country"},
            "payment_terms": {"from": "Terms", "codes": {"N30": "net_30", "N60": "net_60", "N90": "net_90"}},
            "currency": "Currency",
            "credit_limit": {"value": "Limit", "currency": "Currency"},
            "industry": "Industry",
            "legal_entity": "Entity",
        },
    }
)
CRM = System.model_validate({"system": "crm", "role": "crm", "objects": {"Account": ACCOUNT}})
# Twenty columns, some with many values and some with few. One row in a hundred has another credit limit the second time.
ROWS = """
SELECT 'A' || lpad(i::VARCHAR, 9, '0') AS "Id", '2026-01-' || lpad((1 + i % 28)::VARCHAR, 2, '0') || 'T08:00:00Z' AS "Stamp", false AS "IsDeleted",
  'Company number ' || i % 3000000 AS "Name", 'Co ' || i % 500000 AS "Trade", ['A', 'I', 'X'][1 + i % 3] AS "Status", 'DE' || lpad((hash(i) % 1000000000)::VARCHAR, 9, '0') AS "Vat",
  'HRB ' || hash(i + 1) % 1000000 AS "Register", 'company' || i % 3000000 || '.example' AS "Website", '+49 30 ' || hash(i + 2) % 10000000 AS "Phone",
  'office@company' || i % 3000000 || '.example' AS "Email", 'Street ' || hash(i + 3) % 100000 AS "Street", 'City ' || i % 5000 AS "City",
  lpad((hash(i + 4) % 100000)::VARCHAR, 5, '0') AS "Zip", ['DE', 'AT', 'CH', 'FR'][1 + i % 4] AS "Country", ['N30', 'N60', 'N90'][1 + i % 3] AS "Terms",
  ['EUR', 'CHF', 'USD'][1 + i % 3] AS "Currency", ((hash(i + 5) % 10000000) / 100 + if(i % 100 = 7, {turn}, 0))::DECIMAL(18, 2) AS "Limit",
  'Industry ' || i % 200 AS "Industry", ['DE01', 'DE02'][1 + i % 2] AS "Entity", NULL::VARCHAR AS _reason, NULL::VARCHAR AS _raw
FROM range({rows}) AS t(i)"""


def prepare(clock: Clock, folder: str, rows: str) -> None:
    """Make two snapshots, and a hub that has loaded the first; the clock tells what that load cost."""
    for turn in (1, 2):
        home = Path(folder) / _manifest(turn).id
        home.mkdir(parents=True)
        with duckdb.connect() as source:
            source.execute(
                f"COPY ({ROWS.format(turn=turn, rows=int(rows))}) TO '{home / 'rows.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
            )
        pl.DataFrame(schema={"_id": pl.String, "_gone": pl.String, "_into": pl.String}).write_parquet(home / "gone.parquet")
        (home / "contract.json").write_text(ACCOUNT.model_dump_json(by_alias=True))
    with store.writing(Path(folder) / "first.duckdb") as connection:
        capture.prepare(connection, [CRM])
        with clock:
            capture.load(connection, CRM, ACCOUNT, _manifest(1), Path(folder))


def scan(clock: Clock, folder: str) -> None:
    """Read every value of both snapshots."""
    columns = ", ".join(f'"{path}"' for path in ACCOUNT.source_fields())
    with store.connect() as connection, clock:
        for turn in (1, 2):
            connection.execute(
                f"SELECT bit_xor(hash({columns})) FROM read_parquet('{Path(folder) / _manifest(turn).id / 'rows.parquet'}')"
            ).fetchone()


def find(clock: Clock, folder: str) -> None:
    """Find what the second snapshot changed, as `capture.load` does."""
    home, target = Path(folder) / _manifest(2).id, capture.table("crm", "Account")
    with _hub(folder) as connection, clock:
        changes.find(connection, target, ACCOUNT, home, changes.sift(connection, target, ACCOUNT, home))
        changes.drop_outdated(connection, target, ACCOUNT, home)


def load(clock: Clock, folder: str) -> None:
    """Load the second snapshot into the hub: find, apply and keep the evidence."""
    with _hub(folder) as connection:
        connection.execute("SELECT ?", ["DuckDB loads pandas with the first parameter, once a process"])
        _load(clock, connection, folder)


def _load(clock: Clock, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    with clock:
        assert capture.load(connection, CRM, ACCOUNT, _manifest(2), Path(folder)).changes.keys() == {"update"}


def _hub(folder: str):
    shutil.copy(Path(folder) / "first.duckdb", Path(folder) / "hub.duckdb")
    return store.writing(Path(folder) / "hub.duckdb")


def _manifest(turn: int) -> Manifest:
    return Manifest(f"crm/Account/{turn}", "crm", "Account", f"2026-01-0{turn}", "full", True, None, None, 0, 0, 0, [], [], "")
