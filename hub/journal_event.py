"""An event of the journal: as it is told, as a row that is chained to the row before, and read back."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from hub import journal_body, journal_values, verify_journal
from hub.journal_values import Kept

CHUNK = 1_000  # digests in one event
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [("seq", pa.int64()), ("at", pa.timestamp("us"))] + [(name, pa.string()) for name in ("actor", "kind", "subject", "body", "hash")]
)


@dataclass(frozen=True)
class Event:
    """Something that happened. `seq` and `hash` are the journal's; `at` is UTC, and now unless said otherwise."""

    kind: str
    subject: str
    body: dict[str, Any]
    actor: str = "hub"
    at: datetime | None = None
    seq: int | None = None
    hash: str | None = None


def erased(subject: str, digests: Sequence[str], told: Mapping[str, Any], actor: str) -> list[Event]:
    """The events that say which values are erased; the first of them tells why."""
    return [
        Event("values.erased", subject, {"digests": digests[start : start + CHUNK]} | (told if start == 0 else {}), actor)
        for start in range(0, max(len(digests), 1), CHUNK)
    ]


def recordable(each: Event, now: datetime) -> tuple[Event, dict[str, Any], Kept]:
    """The event as it is told later, its row that is not numbered yet, and the values that are kept beside it.

    Raises Refused for what must not stand there.
    """
    at = journal_body.utc(each.at or now)
    words = {name: journal_body.line(getattr(each, name), name) for name in ("actor", "kind", "subject")}
    values: Kept = {}
    told = replace(each, body=journal_body.plain(each.body), at=at)
    body = journal_values.put_away(told.body, journal_body.text, values)
    return told, {"at_us": (at - EPOCH) // timedelta(microseconds=1), **words, "body": journal_body.text(body)}, values


def chained(recordable: Iterable[dict[str, Any]], head: tuple[int, str]) -> Iterator[dict[str, Any]]:
    """The rows numbered and hashed on from the head."""
    seq, link = head
    for each in recordable:
        seq += 1
        link = verify_journal.link(link, {"seq": seq, **each})
        yield {"seq": seq, **each, "hash": link}


def read(row: Mapping[str, Any], values: Kept) -> Event:
    """The event of a stored row, with the values that are kept of it."""
    body = json.loads(journal_values.put_back(row["body"], values))
    at = EPOCH + timedelta(microseconds=row["at_us"])
    return Event(row["kind"], row["subject"], body, row["actor"], at, row["seq"], row["hash"])


def batch(rows: Sequence[sa.Row], values: dict[int, Kept]) -> pa.RecordBatch:
    """Rows as Arrow, with their values."""
    said = [(*row[:5], journal_values.put_back(row.body, values.get(row.seq, {})), row.hash) for row in rows]
    return pa.record_batch([pa.array(column, kind) for column, kind in zip(zip(*said), SCHEMA.types)], SCHEMA)
