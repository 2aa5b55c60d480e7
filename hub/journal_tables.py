"""The journal's tables, the triggers that make it append-only, and how SQLite and PostgreSQL are opened and locked."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
import stamina
from sqlalchemy.engine import URL, make_url

from hub.errors import ConfigurationWrong, SystemUnavailable

BUSY_SECONDS = 120  # how long a writer waits for the writers before it

tables = sa.MetaData()
event = sa.Table(
    "event",
    tables,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),  # microseconds since 1970 UTC: exact, and the same in both databases
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("event_by_kind", "kind", "seq"),
)
# Values that bodies commit to by their digest (journal_values). Only these can be erased.
kept = sa.Table(
    "kept",
    tables,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sqlite_with_rowid=False,  # the key is the row's place: half of what an insert writes
)

APPEND_ONLY = {
    "sqlite": [
        "CREATE TRIGGER event_keeps_rows BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
        "CREATE TRIGGER event_keeps_all BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
        # INSERT OR REPLACE deletes without firing a delete trigger (https://sqlite.org/lang_conflict.html).
        "CREATE TRIGGER event_keeps_order BEFORE INSERT ON event WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM event) "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$",
        "CREATE TRIGGER event_keeps_rows BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION event_is_kept()",
        "CREATE TRIGGER event_keeps_all BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_is_kept()",
    ],
}
UNCHANGED = {
    "sqlite": [
        "CREATE TRIGGER kept_unchanged BEFORE UPDATE ON kept BEGIN SELECT RAISE(ABORT, 'a value is kept as it was said, or erased'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION kept_is_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a value is kept as it was said, or erased'; END $$",
        "CREATE TRIGGER kept_unchanged BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION kept_is_unchanged()",
    ],
}
GUARDS = {"event": APPEND_ONLY, "kept": UNCHANGED}
# The driver's own statement: there are two values for each push, and SQLAlchemy takes longer over each than SQLite.
KEEP = {"sqlite": "INSERT INTO kept VALUES (?, ?, ?, ?)", "postgresql": "INSERT INTO kept VALUES (%s, %s, %s, %s)"}
# Frees what deleted rows leave in the file; SQLite overwrites them itself (secure_delete), and they must leave its log too.
SWEEP = {"sqlite": "PRAGMA wal_checkpoint(TRUNCATE)", "postgresql": "VACUUM FULL kept"}
# The first statements of a writing transaction: whoever comes second waits here.
LOCK = {
    "sqlite": ["BEGIN IMMEDIATE"],
    "postgresql": ["SET LOCAL synchronous_commit = on", "SELECT pg_advisory_xact_lock(hashtext('concord journal'))"],
}


def engine(url_or_path: str | Path) -> sa.Engine:
    """The opened database, its table and triggers there.

    Raises ConfigurationWrong for a database that is neither SQLite nor PostgreSQL, SystemUnavailable when it can't be reached.
    """
    url = _url(url_or_path)
    opened = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    try:
        with writing(opened) as connection:
            _create(connection)
    except sa.exc.OperationalError as wrong:
        opened.dispose()
        raise SystemUnavailable(f"journal {url.render_as_string(hide_password=True)} can't be opened: {wrong.orig}") from wrong
    return opened


@contextmanager
def writing(opened: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that alone may append, until the `with` block ends: then committed, durably, or rolled back."""
    with opened.begin() as connection:
        for statement in LOCK[opened.dialect.name]:
            connection.exec_driver_sql(statement)
        yield connection


def sweep(opened: sa.Engine) -> None:
    """Let nothing of what was deleted stay in the database's files."""
    with opened.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(SWEEP[opened.dialect.name])


def _url(url_or_path: str | Path) -> URL:
    if "://" not in str(url_or_path):
        return URL.create("sqlite", database=str(url_or_path))
    url = make_url(str(url_or_path))
    if url.get_backend_name() not in LOCK:
        raise ConfigurationWrong(f"journal {url.render_as_string(hide_password=True)}: use a path, sqlite:///… or postgresql://…")
    return url


def _sqlite(url: URL) -> sa.Engine:
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    opened = sa.create_engine(url, pool_timeout=BUSY_SECONDS, connect_args={"timeout": BUSY_SECONDS})

    sa.event.listen(opened, "connect", lambda connection, _: _set_up(connection))
    return opened


# SQLite asks no busy handler while it turns a new file into WAL mode (https://sqlite.org/wal.html), so two openers would fail.
@stamina.retry(
    on=lambda wrong: getattr(wrong, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY, attempts=None, timeout=BUSY_SECONDS, wait_max=0.5
)
def _set_up(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits of a WAL at a power cut
    connection.execute("PRAGMA secure_delete = ON")  # what is erased leaves no bytes behind


def _postgresql(url: URL) -> sa.Engine:
    try:
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_timeout=BUSY_SECONDS, pool_pre_ping=True)
    except ModuleNotFoundError as missing:
        raise ConfigurationWrong("a journal on PostgreSQL needs psycopg; install concord-hub[team]") from missing


def _create(connection: sa.Connection) -> None:
    missing = tables.tables.keys() - set(sa.inspect(connection).get_table_names())
    for name in sorted(missing):  # a journal of an earlier version has no values kept beside it yet
        tables.tables[name].create(connection)
        for statement in GUARDS[name][connection.dialect.name]:
            connection.exec_driver_sql(statement)
