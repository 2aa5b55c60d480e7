"""Publishes a cut: the hub with all that the journal says by now, as an immutable copy for readers."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from hub import projection, store
from hub.firm import Firm
from hub.journal import Journal
from reconcile import resolve


def publish(firm: Firm, journal: Journal) -> Path:
    """Bring in the latest events and publish; returns the cut's file. The first cut of a day is a compact one."""

    def ready(connection: duckdb.DuckDBPyConnection) -> None:
        resolve.check_whole(connection)
        projection.load(connection, journal)

    name, newest = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f"), firm.cuts / "current"
    first = not newest.exists() or newest.resolve().name[:8] != name[:8]
    return store.publish(firm.hub_file, firm.cuts, name, ready, compact=first)
