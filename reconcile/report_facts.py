"""What the report tells, gathered from a cut by SQL: one table for each thing that it tells.

Whoever reads a report need not be allowed to read the hub: values of fields that hub/entities calls personal or sensitive
are masked in report_details.sql, before any format sees them.
"""

import re
from pathlib import Path

import duckdb
import polars as pl

from hub.entity import all_entities

HERE = Path(__file__).parent
HIDDEN = ("personal", "sensitive")

# How many records are how many things, and which pairs wait for a steward.
IDENTITY = """
SELECT '{entity}' AS entity, (SELECT count(*) FROM identity.{entity} WHERE is_live) AS records, (SELECT count(*) FROM golden.{entity}) AS things,
  count(*) FILTER (WHERE p.verdict = 'link') AS linked_pairs,
  (SELECT count(*) FROM work.question WHERE entity = '{entity}') AS pairs_for_stewards,
  (SELECT count(*) FROM journal.decision WHERE entity = '{entity}') AS decided
FROM identity.{entity}_pair AS p
"""


def gather(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """All tables of the report by name, from a connection on a cut. What they rest on stays in the connection's temporary tables."""
    there = {
        (schema, name) for schema, name in connection.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
    }
    entities = [name for name in all_entities() if ("golden", name) in there]
    connection.execute(f"SET VARIABLE hidden = {_hidden()}")
    names = " UNION ALL ".join(_named(name) for name in entities)
    connection.execute((HERE / "report_details.sql").read_text().replace("{names}", names))
    matched = [name for name in entities if ("identity", f"{name}_pair") in there]
    queries = _queries() | (
        {"identity": " UNION ALL ".join(IDENTITY.format(entity=name) for name in matched) + " ORDER BY entity"} if matched else {}
    )
    return {"identity": pl.DataFrame()} | {name: connection.execute(query).pl() for name, query in queries.items()}


def _queries() -> dict[str, str]:
    """The queries of report_tables.sql by name."""
    parts = re.split(r"^-- (\w+): .*\n", (HERE / "report_tables.sql").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def _hidden() -> list[str]:
    return [
        f"{name}.{column}"
        for name, entity in all_entities().items()
        for field_name, field in entity.fields.items()
        if field.sensitivity in HIDDEN
        for column in {field_name, *field.columns(field_name)}
    ]


def _named(entity: str) -> str:
    """SQL for what people call each thing: its first field, and its name or title. Of a person's given name the first letter."""
    fields = all_entities()[entity].fields
    first, *rest = fields
    others = [name for name in rest if name in ("name", "title") and fields[name].sensitivity not in HIDDEN]
    spoken = f"regexp_replace({first}, '^(\\S)\\S*\\s+', '\\1. ')" if fields[first].type == "person_name" else first
    return f"SELECT '{entity}' AS entity, hub_id, concat_ws(' ', {', '.join([spoken, *others])}) AS name FROM golden.{entity}"
