"""The world of a seed: a small firm at one of its openings, and the hub's steps in it, each as a process that may die in it."""

import atexit
import copy
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import sqlalchemy as sa

from assets import correct, observe, sqlmesh_project
from assets.understand import understand
from hub import journal, store
from hub.systems.simulator import Clock
from reconcile import plan as plans, replay
from tests.simulation import small_world
from tests.simulation.judge import Judge, known_ids
from tests.simulation.machine import MACHINE, Instance, Killed
from tests.simulation.people import People
from tests.simulation.wire import Wire, attach

sqlmesh_project.version = lambda firm, real=sqlmesh_project.version, known={}: (
    known.get(firm.folder) or known.setdefault(firm.folder, real(firm))
)  # noqa: B006, reads all sources
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
SHARED = {"clock", "stamp", "prefix", "kind", "org"}  # of a simulator's table, what holds no records
EXPECTED = (OSError, duckdb.IOException, sa.exc.OperationalError)  # what a full disk looks like


class World:
    """One firm of small_world.FIRMS, played again and again from its openings.

    story   what happened, a line each
    told    the exceptions that a step ended with, a full disk's
    """

    def __init__(self, name: str):
        self.clock, self.holds = Clock(), ["customers", "invoices"] if name == "both" else [name]
        self.simulators = small_world.simulators(self.clock)
        self.wire = Wire(self.simulators)
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)) / "firm"  # noqa: S108
        atexit.register(shutil.rmtree, self.folder.parent, ignore_errors=True)  # it lies in memory
        self.firm = small_world.write_project(self.folder, small_world.FIRMS[name], self.simulators)
        self.openings: dict[int, dict[str, Any]] = {}
        self.story: list[str] = []
        self.journal = self.opened = None
        self._found()

    def close(self) -> None:
        self._let_go()
        shutil.rmtree(self.folder.parent)

    # Openings

    def _found(self) -> None:
        """The firm at rest: founded, read, and nothing left to correct."""
        MACHINE.reset(Random(0), START)
        small_world.build_empty(self.firm)
        self._open()
        People(self.simulators, self.holds, Random(0)).found(self.holds)
        while self.turn():
            pass
        self.openings[-1] = self._kept("rest")

    def open(self, number: int) -> None:
        """Put the firm to one of its openings: some people worked, and the plan that follows is approved."""
        if number not in self.openings:
            self._back(self.openings[-1])
            MACHINE.reset(Random(number), START + timedelta(hours=1))
            self.wire.reset(type(self.wire.schedule)())
            people = People(self.simulators, self.holds, Random(number))
            acts = [people.act() for _ in range(1 + number % 4)]
            self.look_and_plan()
            self.approve()
            ids = known_ids(self.firm, self.hub)
            self.openings[number] = self._kept(f"opening-{number}") | {"story": acts, "ids": ids}
        self._back(self.openings[number])
        self.story = list(self.openings[number]["story"])
        self.machine_at = START + timedelta(hours=2)
        self.judge = Judge(self.firm, self.journal, self.wire, self.simulators)
        self.judge.ids = self.openings[number]["ids"]

    def _kept(self, name: str) -> dict[str, Any]:
        self.opened.connection.execute("CHECKPOINT")  # else each seed that starts here would carry out the statements in its log again
        self._let_go()
        kept, laid = self.folder.parent / name, self.opened.laid
        shutil.copytree(self.firm.state, kept)
        held = {key: {field: value for field, value in vars(table).items() if field not in SHARED} for key, table in self._tables()}
        self._open(laid)
        return {"state": kept, "laid": laid, "at": self.clock.at, "tables": copy.deepcopy(held)}

    def _back(self, kept: dict[str, Any]) -> None:
        self._let_go()
        shutil.rmtree(self.firm.state)
        shutil.copytree(kept["state"], self.firm.state)
        for key, held in copy.deepcopy(kept["tables"]).items():  # one copy of all: some tables share their numbers
            vars(self.simulators[key[0]].tables[key[1]]).update(held)
        account = self.simulators["netsuite"]
        account.suiteql.__init__(account.tables)  # it mirrors the tables, and only ever looks at what is newer
        self.clock.at = kept["at"]
        self._open(kept["laid"])

    def _tables(self):
        return (((name, key), table) for name, each in self.simulators.items() for key, table in each.tables.items())

    def _open(self, laid: dict[str, str] | None = None) -> None:
        attach(self.wire)
        self.journal = journal.open(self.firm.journal)
        self.opened = Instance(self.firm.hub_file, laid or {})

    def _let_go(self) -> None:
        for each in (self.journal, self.opened):
            if each:
                each.close()

    # Steps of the hub

    def hub(self, query: str, *values: Any) -> list[tuple]:
        return self.opened.cursor().execute(query, values).fetchall()

    def observe(self, full: bool = False) -> None:
        for name in self.firm.systems:
            observe.observe(self.firm, name, self.journal, full=full)

    def understand(self) -> None:
        """Understand, when there is something that the models have not seen."""
        if self.hub("SELECT 1 FROM capture.pending") or not self.hub("SELECT 1 FROM work.built") or self._is_behind():
            understand(self.firm, self.journal)

    def _is_behind(self) -> bool:
        return bool(self.hub("SELECT 1 FROM work.resolved WHERE seq < (SELECT coalesce(max(seq), 0) FROM journal.former)"))

    def plan(self) -> correct.Planned:
        return correct.make_plan(self.firm, self.journal)

    def approve(self) -> None:
        """The controller reads the plan and approves all that waits for consent."""
        with store.writing(self.firm.hub_file) as connection:
            present = plans.read(connection)
        wanted = [line.line_id for line in present.lines if line.status == "needs_consent"]
        if wanted:
            plans.approve(self.journal, present, present.hash, "controller", wanted)

    def push(self) -> None:
        for name in self.firm.systems:
            correct.push_system(self.firm, name, self.journal, "first")

    def look_and_plan(self) -> correct.Planned:
        self.observe()
        self.understand()
        return self.plan()

    def turn(self) -> int:
        """One cycle; how many requests to write it sent."""
        before = sum(self.wire.is_write_line(line) for line in self.wire.log)
        if self.look_and_plan().needs_consent:
            self.approve()
        self.push()
        return sum(self.wire.is_write_line(line) for line in self.wire.log) - before

    def replay_all(self) -> None:
        """People look into what is held, and have it tried again."""
        for about in sorted(
            {about for (about,) in self.hub("SELECT subject FROM journal.exception WHERE kind IN (SELECT unnest(?))", list(replay.HELD))}
        ):
            replay.request(self.journal, about, "controller")

    def two_workers(self) -> None:
        """Two hubs on one journal push at once: the second is a copy of the first, on a machine of its own."""
        self.opened.connection.execute("CHECKPOINT")
        other = replace(self.firm, state=self.folder.parent / "other")
        shutil.rmtree(other.state, ignore_errors=True)
        shutil.copytree(self.firm.state, other.state, ignore=shutil.ignore_patterns("journal*"))
        opened, log = Instance(other.hub_file, self.opened.laid), journal.open(self.firm.journal)
        failed = MACHINE.together(self.push, lambda: [correct.push_system(other, name, log, "second") for name in other.systems])
        opened.close()
        log.close()
        if failed:
            raise failed[0]

    # What may befall a step

    def attempt(self, what: str, step: Callable[[], Any]) -> None:
        """A step as a process of its own: it may die, or end because the disk is full. Whatever else it raises is a fault of ours."""
        ended, self.judge.began = "done", self.wire.requests
        try:
            step()
        except Killed as point:
            ended = f"killed at {point}"
            self.restart()
        except EXPECTED as failure:
            if not MACHINE.full:
                raise
            ended = f"ended, for the disk is full: {type(failure).__name__}"
        self.story.append(f"{what}: {ended}")
        MACHINE.calm()

    def restart(self) -> None:
        """A new process finds what the dead one left on the disk: its journal with a torn tail, and snapshots cut short that it had not sealed."""
        for path in sorted(self.firm.snapshots.glob("*/*/.*.draft/*")):
            os.truncate(path, MACHINE.draw.randrange(path.stat().st_size + 1))
        journal_file = Path(self.firm.journal)
        left = {path: path.read_bytes() for path in journal_file.parent.glob(f"{journal_file.name}*") if path.suffix != ".sqlite-shm"}
        laid = self.opened.laid
        self._let_go()
        for path, content in left.items():
            torn = MACHINE.draw.randbytes(MACHINE.draw.randrange(1, 5000)) if path.suffix == ".sqlite-wal" else b""
            path.write_bytes(content + torn)
        self._open(laid)
        self.judge.journal = self.journal
