"""A small firm of the twin, played turn by turn with plain functions; the models are compiled once for all tests of a process."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from assets import correct, observe, sqlmesh_project, understand
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
        shutil.copytree(compiled(), self.firm.state)
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


CACHE = Path(__file__).parent.parent / ".cache" / "played"


def compiled() -> Path:
    """The state folder of such a firm that has read nothing yet. Compiling the models takes longer than a turn; they change with the rules only."""
    with tempfile.TemporaryDirectory(prefix="concord-compiled-") as folder:
        Twin(7, 0.1, SYSTEMS).write_project(Path(folder))
        empty = firm.read(Path(folder))
        kept = CACHE / sqlmesh_project.version(empty)
        if not kept.exists():
            with journal.open(Path(folder) / "unused.sqlite") as unused:
                understand.understand(empty, unused, remembered=True)  # whose journal the firms made from it do not have
            CACHE.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # another process was first: its tables are as good
                empty.state.rename(kept)
    return kept
