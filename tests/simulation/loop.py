"""The loop over two served systems, and the hands that disturb it: people, faults, and death between two steps."""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import two_systems
from two_systems import OBJECTS, Recorder

from assets import correct, cycle, observe, understand
from assets.observe import Observed
from hub import firm, journal, store
from hub.systems.connector import Record
from hub.twin.twin import Twin
from reconcile import plan as plans
from reconcile.plan import Line, Plan

SHARED = {"clock", "stamp", "prefix", "kind", "org"}  # of a table, what holds no records


class Killed(BaseException):
    """The process died here. No `except Exception` sees it, as none would see a SIGKILL."""


class Loop:
    """A firm that is at rest, and everything that may happen to it.

    twin, folder, firm, journal   as they are
    recorders                     {system: Recorder}
    fresh                         {(system, object, record id, field): value} that people wrote since the hub last looked
    gone                          {(system, object): ids of records that people deleted}
    rested                        seq of the journal's last event when the firm was brought to rest
    """

    def __init__(self, folder: Path, seed: int = 7):
        self.twin = Twin(seed, scale=0.1, systems=tuple(OBJECTS))
        self.recorders = {name: Recorder(each.app) for name, each in self.twin.simulators.items()}
        for name, each in self.twin.simulators.items():
            each.app = self.recorders[name]
        self.twin.start()
        self.folder, self.fresh, self.rested = folder, {}, 0
        self.gone = self._gone()
        two_systems.write_project(folder, self.twin)
        self.firm = firm.read(folder)
        cycle.prepare(self.firm)
        self.journal = journal.open(self.firm.journal)

    @property
    def private(self) -> set[str]:
        """What no log may hold: the secrets of the systems, and how the firm's people and customers are called and reached."""
        people = [
            row[column]
            for entity in ("contact", "worker", "customer")
            for row in self.twin.truth[entity].values()
            for column in ("full_name", "email", "phone", "tax_id")
            if row.get(column)
        ]
        return {*people, *(secret for each in self.twin.simulators.values() for secret in each.secrets.values())}

    def start_from(self, state: Path) -> None:
        """Take another state folder for this firm's."""
        self.journal.close()
        shutil.rmtree(self.firm.state, ignore_errors=True)
        # The budget of requests is kept by a thread of its own, and may be there again already.
        shutil.copytree(state, self.firm.state, dirs_exist_ok=True)
        self.journal = journal.open(self.firm.journal)

    def close(self) -> None:
        self.journal.close()
        self.twin.stop()

    # Steps of the hub

    def observe(self, *names: str, full: bool = False) -> dict[str, Observed]:
        seen = {name: observe.observe(self.firm, name, self.journal, full=full) for name in names or OBJECTS}
        self.fresh = {key: value for key, value in self.fresh.items() if key[0] not in seen}
        return seen

    def understand(self) -> None:
        understand.understand(self.firm, self.journal)

    def plan(self) -> Plan:
        correct.make_plan(self.firm, self.journal)
        with store.writing(self.firm.hub_file) as connection:
            return plans.read(connection)

    def approve(self, chosen: Callable[[Line], bool] = lambda line: True) -> int:
        """Let the controller approve the lines that wait for consent, all or some."""
        with store.writing(self.firm.hub_file) as connection:
            present = plans.read(connection)
        wanted = [line.line_id for line in present.lines if line.status == "needs_consent" and chosen(line)]
        return plans.approve(self.journal, present, present.hash, "controller", wanted) if wanted else 0

    def push(self, *names: str) -> dict[str, dict[str, int]]:
        return {name: correct.push_system(self.firm, name, self.journal) for name in names or OBJECTS}

    def look_and_plan(self) -> Plan:
        self.observe()
        self.understand()
        return self.plan()

    def turn(self) -> dict[str, dict[str, int]]:
        self.look_and_plan()
        self.approve()
        return self.push()

    def rest(self, most: int = 6) -> int:
        """Turn until a turn sends nothing; how many turns it took. Fails when there is no end to it."""
        for number in range(1, most + 1):
            before = len(self.written())
            self.turn()
            if len(self.written()) == before and not self.on_their_way():
                return number
        raise AssertionError(f"still writing after {most} turns: {self.written()[-3:]}")

    # What people do

    def person_edits(self, system: str, name: str, record_id: str, **values: Any) -> None:
        self.twin.simulators[system].tables[name].update(record_id, values)
        self.fresh |= {(system, name, record_id, field): value for field, value in values.items()}

    def person_creates(self, system: str, name: str, values: Record) -> str:
        return self.twin.simulators[system].tables[name].create(values)

    def person_deletes(self, system: str, name: str, record_id: str, into: str | None = None) -> None:
        self.twin.simulators[system].tables[name].delete(record_id, into)
        self.fresh = {key: value for key, value in self.fresh.items() if key[:3] != (system, name, record_id)}
        self.gone = self._gone()

    def _gone(self) -> dict[tuple[str, str], set[str]]:
        return {
            (name, table): set(each.gone) for name, simulator in self.twin.simulators.items() for table, each in simulator.tables.items()
        }

    # What there is

    def rows(self, system: str, name: str) -> dict[str, Record]:
        return self.twin.simulators[system].tables[name].rows

    def written(self, *names: str) -> list[tuple]:
        """Every request that could have changed a record, as the systems saw it."""
        return [each for name in names or OBJECTS for each in self.recorders[name].written]

    def hub(self, query: str, *values: Any) -> list[tuple]:
        with store.writing(self.firm.hub_file) as connection:
            return connection.execute(query, values).fetchall()

    def on_their_way(self) -> list[tuple]:
        return self.hub("SELECT push_id, state FROM journal.push WHERE state IN ('intended', 'in_doubt', 'acknowledged')")

    def exceptions(self) -> dict[str, str]:
        return dict(self.hub("SELECT id, message FROM journal.exception"))

    # Keeping a state and coming back to it

    def keep(self, kept: Path) -> dict[str, Any]:
        """Keep the hub's state and the systems' records; `back` brings them back."""
        self.journal.close()
        shutil.copytree(self.firm.state, kept)
        held = {
            (name, table): {key: value for key, value in vars(each).items() if key not in SHARED}
            for name, simulator in self.twin.simulators.items()
            for table, each in simulator.tables.items()
        }
        return {"state": kept, "at": self.twin.clock.at, "tables": copy.deepcopy(held)}

    def back(self, kept: dict[str, Any]) -> "Loop":
        self.twin.clock.at, self.fresh = kept["at"], {}
        for (name, table), held in copy.deepcopy(kept["tables"]).items():  # one copy of all: some tables share their numbers
            vars(self.twin.simulators[name].tables[table]).update(held)
        account = self.twin.simulators["netsuite"]
        account.suiteql.__init__(account.tables)  # it mirrors the tables, and only ever looks at what is newer
        for name in OBJECTS:
            self.recorders[name].written.clear(), self.recorders[name].before.clear(), self.twin.faults[name].pending.clear()
        self.start_from(kept["state"])
        self.rested, self.gone = self.journal.head()[0], self._gone()
        return self


@contextmanager
def dying(owner: Any, name: str, after: bool = False, at: int = 1) -> Iterator[None]:
    """The process dies the `at`-th time that it comes to this function: before it is entered, or after it has done its work."""
    real, calls = getattr(owner, name), []

    def reached(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == at and not after:
            raise Killed(name)
        done = real(*arguments, **named)
        if len(calls) == at:
            raise Killed(name)
        return done

    with mock.patch.object(owner, name, reached):
        yield
