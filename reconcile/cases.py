"""Opens and closes discrepancies in the journal, so that each has an age across cycles and rebuilds."""

import duckdb

from hub import projection
from hub.journal import Event, Journal

CHUNK = 10_000


def keep(connection: duckdb.DuckDBPyConnection, journal: Journal) -> tuple[int, int]:
    """Note which discrepancies are new and which are gone; returns how many of each."""
    projection.load(connection, journal)
    opened = _ids(connection, "SELECT id FROM discrepancy.found ANTI JOIN journal.open_case USING (id) ORDER BY id")
    closed = _ids(connection, "SELECT id FROM journal.open_case ANTI JOIN discrepancy.found USING (id) ORDER BY id")
    events = [
        Event(kind, "discrepancy", {"ids": ids[at : at + CHUNK]})
        for kind, ids in (("cases.opened", opened), ("cases.closed", closed))
        for at in range(0, len(ids), CHUNK)
    ]
    if journal.append(events):
        projection.load(connection, journal)
    return len(opened), len(closed)


def _ids(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return connection.execute(query).pl().get_column("id").to_list()
