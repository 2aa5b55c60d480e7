"""A small firm of the twin, played turn by turn with plain functions."""

from pathlib import Path

from assets import correct, cycle, observe, understand
from hub import firm, journal, store
from hub.journal import Event
from hub.twin.twin import Twin
from reconcile import plan

SYSTEMS = ("salesforce", "netsuite", "files")


class Play:
    """A firm with its systems served, and the hands of its people and stewards."""

    def __init__(self, folder: Path, scale: float = 0.1):
        self.twin = Twin(7, scale, SYSTEMS)
        self.twin.start()
        self.twin.write_project(folder)
        self.firm = firm.read(folder)
        cycle.prepare(self.firm)
        self.journal = journal.open(self.firm.journal)

    def observe(self) -> None:
        for name in SYSTEMS:
            observe.observe(self.firm, name, self.journal)

    def understand(self) -> None:
        understand.understand(self.firm, self.journal)

    def plan(self, actor: str = "controller") -> plan.Plan:
        """Make the plan and consent to all of it."""
        correct.make_plan(self.firm, self.journal)
        with store.writing(self.firm.hub_file) as connection:
            made = plan.read(connection)
        plan.approve(self.journal, made, made.hash, actor)
        return made

    def push(self) -> None:
        for name in SYSTEMS:
            correct.push_system(self.firm, name, self.journal)

    def turn(self) -> None:
        self.observe()
        self.understand()
        self.plan()
        self.push()

    def rows(self, query: str, *values) -> list[tuple]:
        with store.writing(self.firm.hub_file) as connection:
            return connection.execute(query, values).fetchall()

    def note(self, kind: str, subject: str, body: dict, actor: str = "steward") -> None:
        self.journal.append([Event(kind, subject, body, actor)])

    def close(self) -> None:
        self.journal.close()
        self.twin.stop()
