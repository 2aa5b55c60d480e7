"""Cuts are compact once a day: what deleted rows leave behind stays in the file until then."""

from datetime import UTC, datetime

import pytest

from assets import publishing
from benchmarks import synthetic
from hub import journal, projection, store

DAY = datetime.now(UTC).strftime("%Y%m%d")


@pytest.fixture
def firm(tmp_path):
    """A firm whose hub holds a table with half a million deleted rows."""
    found = synthetic.make(tmp_path, 100)
    with store.writing(found.hub_file) as connection:
        projection.prepare(connection)
        connection.execute("CREATE TABLE work.seen AS SELECT i FROM range(1000000) AS t(i)")
    for rest in (1, 2):
        with store.writing(found.hub_file) as connection:
            connection.execute("DELETE FROM work.seen WHERE i % 4 = ?", [rest])
    return found


def held(cut):
    """How many rows of the table take place in the file, deleted or not."""
    with store.connect(cut, read_only=True) as connection:
        return connection.execute("SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'seen'").fetchone()[0]


def test_the_first_cut_of_a_day_leaves_out_what_deleted_rows_left_behind(firm):
    store.publish(firm.hub_file, firm.cuts, "20260101T000000000000")

    cut = publishing.publish(firm, journal.open(firm.journal))

    assert held(firm.cuts / "20260101T000000000000" / "hub.duckdb") == 1_000_000
    assert held(cut) < 600_000  # DuckDB leaves the newest rows as they are


def test_a_later_cut_of_the_same_day_does_not_write_all_of_it_again(firm):
    store.publish(firm.hub_file, firm.cuts, f"{DAY}T000000000000")

    cut = publishing.publish(firm, journal.open(firm.journal))

    assert held(cut) == 1_000_000
