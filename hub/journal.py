"""The one door to the journal: what people decided and what the hub promised or did, append-only and hash-chained.

The hash of an event is the SHA-256, in hex, of the hash before it followed by the JSON array
[seq, at in microseconds since 1970 UTC, actor, kind, subject, body as stored]; before the first event stand 64 zeros.
Stored bodies hold digests in the place of values, so that a value can be erased and the chain stays whole (journal_values).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from hub import journal_body, journal_event, journal_tables, verify_journal
from hub.door import Door
from hub.errors import Refused
from hub.journal_event import EPOCH, SCHEMA, Event as Event, Link
from hub.journal_tables import event, kept
from hub.journal_values import MARK, Kept

BEFORE_ALL = (0, verify_journal.BEFORE_ALL)
PAGE = 100  # rows, of which a batch of pushes has a megabyte
FOLLOWING = sa.select(event).where(event.c.seq > sa.bindparam("after")).order_by(event.c.seq).limit(PAGE)


def utc_now() -> datetime:
    return datetime.now(UTC)


def open(url_or_path: str | Path, clock: Callable[[], datetime] = utc_now) -> "Journal":
    """The journal at a PostgreSQL url or in a SQLite file, made if it is not there. The clock tells when an event happens."""
    return Journal(journal_tables.engine(url_or_path), clock)


class Journal:
    """Events in one order, each chained to the one before. Safe to share between threads; every process opens its own."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], datetime] = utc_now):
        self._engine, self.clock, self._door = engine, clock, Door()

    def append(self, events: Sequence[Event]) -> list[Event]:
        """The events as recorded (of a batch with the bodies that they came with), with seq and hash: all of them, durably, or none.

        Raises Refused, naming the key, for a body that holds a secret or has no JSON form, and for consent or a write that may not be.
        """
        now = self.clock()
        links = journal_event.links(events, now)
        if not links:
            return []
        try:
            with journal_tables.writing(self._engine) as connection:
                self._door.check(connection, events, now)
                recorded = _append(connection, links)
                self._door.note(recorded)
        except BaseException:
            self._door.forget()
            raise
        return recorded

    def erase(self, values: Collection[tuple[int, str]], events: Sequence[Event]) -> list[Event]:
        """Erase values, named by seq and digest, and record the events that say so, all or nothing; returns these as recorded."""
        now = self.clock()
        links = journal_event.links(events, now)
        with journal_tables.writing(self._engine) as connection:
            self._door.check(connection, events, now)
            recorded = _append(connection, links)
            chosen = sa.and_(kept.c.seq == sa.bindparam("of_event"), kept.c.digest == sa.bindparam("named"))
            if values:
                connection.execute(sa.delete(kept).where(chosen), [{"of_event": seq, "named": digest} for seq, digest in values])
        journal_tables.sweep(self._engine)
        return recorded

    def events(self, after: int = 0, kinds: Collection[str] | None = None) -> Iterator[Event]:
        """Events in order, those with a seq above `after`, of some kinds or of all."""
        for row, values in self.stored(after, kinds):
            yield from journal_event.read(row, values)

    def stored(self, after: int = 0, kinds: Collection[str] | None = None) -> Iterator[tuple[dict[str, Any], Kept]]:
        """The rows that tell them, as they are stored: the columns, and the values that are kept of each."""
        for rows, values in self._pages(after, None if kinds is None else event.c.kind.in_(kinds)):
            yield from ((row._asdict(), values.get(row.seq, {})) for row in rows)

    def table(self, after: int = 0) -> pa.Table:
        """The same rows, with their values, as Arrow columns seq, at (UTC, without a zone), actor, kind, subject, body (JSON text), hash."""
        batches = [journal_event.batch(rows, values) for rows, values in self._pages(after)]
        return pa.Table.from_batches(batches, SCHEMA)

    def told(self, after: int) -> set[tuple[str, str]]:
        """The kinds of events with a seq above `after`, each with who told them."""
        with self._engine.connect() as connection:
            return {tuple(row) for row in connection.execute(sa.select(event.c.kind, event.c.actor).where(event.c.seq > after).distinct())}

    def head(self) -> tuple[int, str]:
        """Seq and hash of the last event; 0 and 64 zeros when there is none."""
        with self._engine.connect() as connection:
            return _head(connection)

    def last(self, at: datetime) -> int:
        """Seq of the last event before the first one that is later than this moment (UTC); 0 when there is none."""
        later = event.c.at_us > (journal_body.utc(at) - EPOCH) // timedelta(microseconds=1)
        with self._engine.connect() as connection:
            first = connection.execute(sa.select(sa.func.min(event.c.seq)).where(later)).scalar()
            return first - 1 if first else _head(connection)[0]

    def findings(self, head: tuple[int, str] | None = None) -> Iterator[tuple[int, str]]:
        """(seq, sentence) for all that is not as it was recorded.

        head  seq and hash of an event, written down elsewhere, that must be there
        """
        read = lambda: (row | {"kept": {digest: list(said) for digest, said in values.items()}} for row, values in self.stored())
        return verify_journal.findings(read, head)

    def verify(self) -> int | None:
        """Seq of the first event that does not follow from the one before it, or that lost a value; None when all is whole."""
        return next((seq for seq, _ in self.findings()), None)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _pages(self, after: int, wanted: sa.ColumnElement | None = None) -> Iterator[tuple[Sequence[sa.Row], dict[int, Kept]]]:
        # Page by page, so that a slow reader holds no transaction open. Nothing can change behind it: events only follow.
        query = FOLLOWING if wanted is None else FOLLOWING.where(wanted)
        while True:
            with self._engine.connect() as connection:
                page = connection.execute(query, {"after": after}).all()
                values = _values(connection, page)
            if page:
                yield page, values
            if len(page) < PAGE:
                return
            after = page[-1].seq


def copy(source: Journal, target: Journal, last: int | None = None) -> tuple[int, str]:
    """Copy every event, or those up to seq `last`, hashes included, into an empty journal: a backup, or the move to PostgreSQL. Returns its head.

    Raises Refused when the source's chain is broken or the target is not empty.
    """
    if (broken := source.verify()) is not None:
        raise Refused(f"the journal to copy breaks at event {broken}; restore it from a backup first")
    with journal_tables.writing(target._engine) as connection:
        if _head(connection) != BEFORE_ALL:
            raise Refused("the journal to copy into already holds events; name a new one")
        for rows, values in source._pages(0, None if last is None else event.c.seq <= last):
            connection.execute(sa.insert(event), [row._asdict() for row in rows])
            _keep(connection, values)
    return target.head()


def reseal(source: Journal, target: Journal) -> tuple[int, str]:
    """Record every event anew in an empty journal, with its values beside the chain, where they can be erased. Returns its head.

    Numbers and times stay, hashes are others; a last event names the head that the source has. Raises Refused as `copy` does.
    """
    if (broken := source.verify()) is not None:
        raise Refused(f"the journal to write anew breaks at event {broken}; restore it from a backup first")
    if target.head() != BEFORE_ALL:
        raise Refused("the journal to write into already holds events; name a new one")
    rows = groupby(source.events(), lambda each: each.seq)
    while page := [each for _, row in islice(rows, PAGE) for each in row]:
        target.append(page)
    seq, link = source.head()
    target.append([Event("journal.resealed", link, {"events": seq, "head": link})])
    return target.head()


def _append(connection: sa.Connection, links: list[Link]) -> list[Event]:
    rows = list(journal_event.chained([each.row for each in links], _head(connection)))
    connection.execute(sa.insert(event), rows)
    _keep(connection, {row["seq"]: each.kept for row, each in zip(rows, links, strict=True) if each.kept})
    return [told for row, each in zip(rows, links, strict=True) for told in each.told(row["seq"], row["hash"])]


def _keep(connection: sa.Connection, values: dict[int, Kept]) -> None:
    rows = [(seq, digest, salt, said) for seq, of_event in values.items() for digest, (salt, said) in of_event.items()]
    if rows:
        connection.exec_driver_sql(journal_tables.KEEP[connection.dialect.name], rows)


def _values(connection: sa.Connection, page: Sequence[sa.Row]) -> dict[int, Kept]:
    """The values that are kept of some events, {seq: {digest: (salt, values)}}."""
    if not any(MARK in row.body for row in page):
        return {}
    found: dict[int, Kept] = {}
    for seq, digest, salt, said in connection.execute(sa.select(kept).where(kept.c.seq.between(page[0].seq, page[-1].seq))):
        found.setdefault(seq, {})[digest] = (salt, said)
    return found


def _head(connection: sa.Connection) -> tuple[int, str]:
    last = connection.execute(sa.select(event.c.seq, event.c.hash).order_by(event.c.seq.desc()).limit(1)).first()
    return tuple(last) if last else BEFORE_ALL
