"""The machine that a hub runs on, as a seed has it: its clock, its points of input and output, its death, its full disk, two workers.

Importing this module puts it under the product, in this process: the product's own code runs unchanged above it.
"""

import errno
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import sqlalchemy as sa
import stamina

from assets import observe, understand
from hub import journal, snapshot, store
from hub.store import HubBusy
from reconcile import lease, settle

FULL: dict[str, Callable[[], Exception]] = {
    "journal": lambda: sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
    "hub": lambda: duckdb.IOException("Could not write to file: No space left on device"),
    "snapshot": lambda: OSError(errno.ENOSPC, "No space left on device"),
}


class Killed(BaseException):
    """The process died here. No `except Exception` sees it, as none would see a SIGKILL."""


class Machine:
    """What befalls a process, by its points of input and output.

    at     the hub's clock
    kill   (kind of point, number): the worker that comes there dies, and nothing that unwinds after it has any effect
    full   (kind of point, number): from there on the disk is full
    """

    def __init__(self) -> None:
        self.reset(Random(0), datetime(2026, 11, 2, 9, tzinfo=UTC))

    def reset(self, draw: Random, at: datetime) -> None:
        self.draw, self.at, self.baton = draw, at, None
        self.calm()

    def calm(self) -> None:
        """Nothing befalls the process any more, and a new one runs."""
        self.kill, self.full, self.points, self.dead = None, None, Counter(), set()

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def point(self, kind: str) -> None:
        """A point at which a process may die, its disk be full, or the other worker go on."""
        worker = threading.current_thread().name
        if self.baton:
            self.baton.pass_on(self.draw)
        if worker in self.dead:
            raise Killed(kind)
        self.points[kind] += 1
        if self.kill == (kind, self.points[kind]):
            self.dead.add(worker)
            raise Killed(f"{kind} {self.points[kind]}")
        if self.full and self.full[0] == kind and self.points[kind] >= self.full[1]:
            raise FULL[kind]()

    def together(self, *works: Callable[[], None]) -> list[BaseException]:
        """Let workers run at once, one step at a time, in the order that the seed draws; returns what each of them failed with."""
        self.baton, failed = Baton(len(works)), []

        def worker(number: int, work: Callable[[], None]) -> None:
            self.baton.wait_for(number)
            try:
                work()
            except BaseException as failure:
                failed.append(failure)
            finally:
                self.baton.leave(number, self.draw)

        threads = [threading.Thread(target=worker, args=each, name=f"worker {each[0]}") for each in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.baton = None
        return failed


class Baton:
    """Only who holds it runs. It is handed over at points of input and output, to whom the seed draws."""

    def __init__(self, count: int):
        self.running, self.holder, self.changed = set(range(count)), 0, threading.Condition()

    def wait_for(self, number: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.holder == number)

    def pass_on(self, draw: Random) -> None:
        number = self.holder
        with self.changed:
            self.holder = draw.choice(sorted(self.running))
            self.changed.notify_all()
        self.wait_for(number)

    def leave(self, number: int, draw: Random) -> None:
        with self.changed:
            self.running.discard(number)
            self.holder = draw.choice(sorted(self.running)) if self.running else None
            self.changed.notify_all()


MACHINE = Machine()


class Clock(datetime):
    """datetime, whose now is the machine's."""

    @classmethod
    def now(cls, tz=None) -> datetime:
        return MACHINE.now()


class Instance:
    """A hub file that stays open as long as its machine runs, so that no step has to read it anew.

    laid   {what a statement makes where it is not there yet: the statement}: made already, just so, and nobody takes such things away
    """

    def __init__(self, file: Path, laid: dict[str, str]):
        self.connection = CONNECT(file)
        self.connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        self.file, self.laid = file, dict(laid)
        INSTANCES[str(file)] = self

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own. Planning takes longer than running on a handful of rows, so it is done without the optimizer."""
        return self.connection.cursor().execute("PRAGMA disable_optimizer")

    def close(self) -> None:
        del INSTANCES[str(self.file)]
        self.connection.close()


class Watched:
    """A connection to an instance, whose statements are points at which the process may die."""

    def __init__(self, instance: Instance):
        self._connection, self._laid = instance.cursor(), instance.laid

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_) -> None:
        self._connection.close()

    def execute(self, query: str, *arguments: Any) -> "Watched":
        MACHINE.point("hub")
        made = LAYS.match(query)
        if not made or self._laid.get(made[0]) != query:
            self._connection.execute(query, *arguments)
        if made:
            self._laid[made[0]] = query
        return self


CONNECT = store.connect
INSTANCES: dict[str, Instance] = {}
LAYS = re.compile(r"\s*(CREATE OR REPLACE VIEW \S+|CREATE SCHEMA IF NOT EXISTS \S+|ALTER TABLE \S+ ADD COLUMN IF NOT EXISTS \S+)")


def _connect(file=None, read_only=False, kept: list = []) -> Any:  # noqa: B006
    """As the product's, but watched; in memory a part of one that stays open, for opening one takes longer than what is asked of it."""
    if file is None:
        kept or kept.append(CONNECT())
        return kept[0].cursor()
    return Watched(INSTANCES[str(file)]) if str(file) in INSTANCES else CONNECT(file, read_only)


@contextmanager
def _locked(hub_file, wait=True, real=store.locked) -> Iterator[None]:
    """As the product's, but whoever waits lets the other worker go on."""
    while True:
        lock = real(hub_file, wait=False)
        try:
            lock.__enter__()
        except HubBusy:
            if not wait or not MACHINE.baton:
                raise
            MACHINE.baton.pass_on(MACHINE.draw)
            continue
        try:
            yield
        finally:
            lock.__exit__(None, None, None)
        return


def _around(real: Callable, kind: str) -> Callable:
    """The same function, with a point before it and one after it."""

    def at_points(*arguments: Any, **named: Any) -> Any:
        MACHINE.point(kind)
        done = real(*arguments, **named)
        MACHINE.point(kind)
        return done

    return at_points


for module in (journal, observe, understand, settle, lease):
    assert module.datetime is datetime, f"{module.__name__} asks for the time no longer"  # else another does, of the real clock
    module.datetime = Clock
store.settings = lambda real=store.settings: real() | {"threads": "1"}
store.connect, store.locked, journal.Journal.append = _connect, _locked, _around(journal.Journal.append, "journal")
for step in ("_spool", "hash_of", "_seal"):  # the rows as they came, and typed; what is gone; the manifest
    setattr(snapshot, step, _around(getattr(snapshot, step), "snapshot"))
stamina.set_testing(True, attempts=5)  # retries, without waiting
stamina.instrumentation.set_on_retry_hooks([])  # and without a word
