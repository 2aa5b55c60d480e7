"""The one door to DuckDB: the hub file under an exclusive lock, and immutable cuts for readers."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from hub import text
from hub.errors import HubError


class HubBusy(HubError):
    """Another process holds the hub. It lets go after its step; try again."""


@contextmanager
def writing(hub_file: Path, wait: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The hub, for one writer, while the `with` block lasts.

    DuckDB locks a file for one process, and an idle reader would block the writer: so hold it briefly,
    and read cuts instead (`reading`). Raises HubBusy when `wait` is False and someone else holds it.
    """
    with locked(hub_file, wait):
        connection = connect(hub_file)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def locked(hub_file: Path, wait: bool = True) -> Iterator[None]:
    """The exclusive right to open the hub file; for those who open it themselves (SQLMesh)."""
    hub_file.parent.mkdir(parents=True, exist_ok=True)
    with open(hub_file.with_suffix(".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as busy:
            raise HubBusy(f"{hub_file} is held by another process; wait for its step to end") from busy
        yield


def connect(file: Path | None = None, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection with our settings; in memory when no file is named."""
    connection = duckdb.connect(str(file or ":memory:"), read_only=read_only, config=settings())
    text.register(connection)
    return connection


def settings() -> dict[str, str]:
    """Settings of every connection: nothing fetched from outside, insertion order not kept (it costs memory), row groups not merged.

    Instants are UTC without a setting: DuckDB takes another time zone only with its icu extension, which we don't load.
    Each connection that closes would write anew what a few rows were deleted from: up to a fifth of a cycle in which one
    record in a hundred changed. `publish` has it done once a day.
    """
    return {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "false",
        "max_vacuum_tasks": "0",
    }


@contextmanager
def one_thread(connection: duckdb.DuckDBPyConnection, wanted: bool = True) -> Iterator[None]:
    """While the `with` block lasts, DuckDB works with one thread, if that is wanted.

    To look for a few records among all takes many short statements: with more threads they take a sixth more CPU, and little less time.
    """
    if not wanted:
        yield
        return
    (threads,) = connection.execute("SELECT current_setting('threads')").fetchone()
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {threads}")


@contextmanager
def reading(cuts: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The newest cut, read only. A cut never changes, so this never waits and never blocks anybody."""
    pointer = cuts / "current"
    if not pointer.exists():
        raise HubError(f"no cut in {cuts} yet; run `hub run` first")
    # DuckDB hands back an open instance by path: open the cut itself, not the pointer that will move on.
    connection = connect(pointer.resolve() / "hub.duckdb", read_only=True)
    try:
        yield connection
    finally:
        connection.close()


def publish(
    hub_file: Path,
    cuts: Path,
    name: str,
    ready: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
    keep: int = 5,
    compact: bool = False,
) -> Path:
    """Make a cut of the hub and point `current` at it; the newest `keep` stay. Returns the cut's file.

    ready    what to do with the hub before it is copied; whatever it raises stops the cut, and the last one stays
    compact  merge what deleted rows left behind first

    Copy, fsync, rename, swap: a reader sees the old cut or the new one, never a part of either.
    """
    cut = cuts / name
    draft = cuts / f".{name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with locked(hub_file):
        with connect(hub_file) as connection:
            ready(connection)
            if compact:
                connection.execute("SET max_vacuum_tasks = 100")
                # A checkpoint with nothing to write does nothing.
                connection.execute("CREATE TABLE compacted (day DATE); DROP TABLE compacted")
            connection.execute("CHECKPOINT")
        shutil.copyfile(hub_file, draft / "hub.duckdb")  # the base name stays: SQLMesh's views carry it
    _sync(draft / "hub.duckdb")
    shutil.rmtree(cut, ignore_errors=True)
    draft.rename(cut)
    pointer = cuts / ".current.draft"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(cut.name)
    pointer.rename(cuts / "current")
    _sync(cuts)
    for old in sorted(each for each in cuts.iterdir() if each.is_dir() and not each.is_symlink() and each.name[0] != ".")[:-keep]:
        shutil.rmtree(old, ignore_errors=True)  # an open reader keeps its file until it closes
    return cut / "hub.duckdb"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
