"""What a cycle costs: the first over all records, and later ones in which one record in a hundred changed."""

import time
from pathlib import Path

from assets import correct, publishing, sqlmesh_models
from assets.observe import observe
from assets.understand import understand
from benchmarks import synthetic
from benchmarks.measure import Clock
from hub import capture, journal, projection, rules, store


def cycles(clock: Clock, folder: str, records: str) -> None:
    """The first cycle and two later ones; start-up (imports, compiling the models) is done before the clock runs."""
    the_firm = synthetic.make(Path(folder), int(records))
    book = journal.open(the_firm.journal)
    start_up(the_firm)
    for turn in range(3):
        if turn:
            synthetic.edit(the_firm, turn)
        for name in the_firm.systems:
            with clock.part(f"{turn} observe"):
                observe(the_firm, name, book)
        with clock.part(f"{turn} understand"):
            understand(the_firm, book)
        with clock.part(f"{turn} plan"):
            correct.make_plan(the_firm, book)
        with clock.part(f"{turn} publish"):
            publishing.publish(the_firm, book)


def start(clock: Clock, folder: str) -> None:
    """Imports apart: what compiling the models costs once for each version of the rules, and what a turn at rest costs after it."""
    the_firm = synthetic.make(Path(folder), 1000)
    book = journal.open(the_firm.journal)
    with clock.part("compile"):
        start_up(the_firm)
    for name in ("first", "rest"):
        with clock.part(name):
            for system in the_firm.systems:
                observe(the_firm, system, book)
            understand(the_firm, book)
            correct.make_plan(the_firm, book)


def imports(clock: Clock) -> None:
    """What a process costs before it does anything; its interpreter and modules count from its birth."""
    clock.cpu, clock.wall = time.process_time(), 0.0


def start_up(the_firm) -> None:
    """Make the hub's tables and compile the models."""
    with store.locked(the_firm.hub_file):
        with store.connect(the_firm.hub_file) as connection:
            capture.prepare(connection, rules.of(str(the_firm.folder.resolve())).systems)
            projection.prepare(connection)
            connection.execute("SELECT ?", ["DuckDB loads pandas with the first parameter"]).fetchone()
        sqlmesh_models.compiled(the_firm)
