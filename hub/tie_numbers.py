"""Ties as numbers: what is looked up among the ties of all records should not be text, and how many ids were issued is not counted anew.

journal.crossref and journal.former hold each record_ref and hub_id as a number too (hub/matching.py), and journal.issued the highest
number that an id of each prefix bears.
"""

import duckdb

from hub.matching import numbered

OF = f"{numbered('{record_ref}')} AS number, {numbered('{hub_id}', 'hub_id')} AS hub_number"
TABLES = """
CREATE TABLE IF NOT EXISTS journal.issued (entity VARCHAR, prefix VARCHAR, number BIGINT);
-- the DuckDB that made the numbers: another may hash otherwise
CREATE TABLE IF NOT EXISTS journal.numbered (duckdb VARCHAR)"""
# Statements that take the ids of a table (entity, hub_id) into account. An id is its prefix, a dash and its number.
ISSUED = """
CREATE OR REPLACE TEMP TABLE highest AS
SELECT entity, prefix, max(number) AS number FROM (
  FROM journal.issued UNION ALL
  SELECT entity, left(hub_id, length(hub_id) - length(digits) - 1), try_cast(digits AS BIGINT)
  FROM (SELECT entity, hub_id, split_part(hub_id, '-', -1) AS digits FROM {said}))
WHERE number IS NOT NULL GROUP BY ALL;
DELETE FROM journal.issued;
INSERT INTO journal.issued FROM highest"""


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables and columns that are not there, and number the ties of a hub that was made without, or by another DuckDB."""
    connection.execute(TABLES)
    for table in ("journal.crossref", "journal.former"):
        for column in ("number", "hub_number"):
            connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} BIGINT")
    if connection.execute("FROM journal.numbered").fetchall() == [(duckdb.__version__,)]:
        return
    connection.execute("BEGIN")
    for table in ("journal.crossref", "journal.former"):
        connection.execute(f"UPDATE {table} SET number = {numbered('record_ref')}, hub_number = {numbered('hub_id', 'hub_id')}")
    connection.execute("DELETE FROM journal.issued")
    connection.execute(ISSUED.format(said="(SELECT entity, hub_id FROM journal.former UNION ALL SELECT entity, hub_id FROM journal.own)"))
    connection.execute("DELETE FROM journal.numbered")
    connection.execute("INSERT INTO journal.numbered VALUES (?)", [duckdb.__version__])
    connection.execute("COMMIT")
