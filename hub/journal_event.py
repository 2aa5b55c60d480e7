"""An event of the journal: as it is told, as a row that is chained to the row before, and read back.

Of some kinds many happen at once: a batch of pushes begins, and has its answers. Such a batch is one row, whose body is
{"each": [[subject, body], …]}, and is read back as the events that it is of; they share the row's seq and hash.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from hub import journal_body, journal_values, verify_journal
from hub.journal_values import Away, Kept

CHUNK = 1_000  # digests in one event, events in one row
TOGETHER = frozenset({"push.intended", "push.outcome"})
# What a row says, as (subject, body, …) of each event, in DuckDB; {said} has the rows, and {more} more of its columns.
UNFOLDED = """
  SELECT subject, body{more} FROM {said} WHERE NOT starts_with(body, '{{"each":')
  UNION ALL
  SELECT item ->> 0 AS subject, (item -> 1)::VARCHAR AS body{more}
  FROM (SELECT unnest(items) AS item{more} FROM (SELECT from_json(body, '{{"each":["JSON"]}}').each AS items{more} FROM {said} WHERE starts_with(body, '{{"each":')))"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [("seq", pa.int64()), ("at", pa.timestamp("us"))] + [(name, pa.string()) for name in ("actor", "kind", "subject", "body", "hash")]
)


class Event(NamedTuple):
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


@dataclass(frozen=True)
class Link:
    """What one row tells: its columns, without number and hash; the events; the values that are kept beside it."""

    row: dict[str, Any]
    events: Sequence[Event]
    kept: Kept

    def told(self, seq: int, hash: str) -> Iterator[Event]:
        """Its events, as they were recorded; of a batch with the bodies that they came with."""
        at, body = _moment(self.row["at_us"]), journal_body.plain if len(self.events) == 1 else lambda given: given
        return (Event(each.kind, each.subject, body(each.body), each.actor, at, seq, hash) for each in self.events)


def links(events: Sequence[Event], now: datetime) -> list[Link]:
    """The rows that events become, in their order. Raises Refused for what must not stand there."""
    found = []
    for (kind, *_), alike in groupby(events, lambda each: (each.kind, each.actor, each.at, each.seq)):
        group, size = list(alike), CHUNK if kind in TOGETHER else 1
        found += [_link(group[start : start + size], now) for start in range(0, len(group), size)]
    return found


def _link(group: Sequence[Event], now: datetime) -> Link:
    at = (journal_body.utc(group[0].at or now) - EPOCH) // timedelta(microseconds=1)
    actor, kind = (journal_body.line(getattr(group[0], name), name) for name in ("actor", "kind"))
    away: Away = []
    stored = [
        [journal_body.line(each.subject, "subject"), journal_values.put_away(journal_body.plain(each.body), journal_body.text, away)]
        for each in group
    ]
    kept = journal_values.seal(away)
    subject, body = stored[0] if len(stored) == 1 else (f"{len(stored)} together", {"each": stored})
    return Link({"at_us": at, "actor": actor, "kind": kind, "subject": subject, "body": journal_body.text(body)}, group, kept)


def chained(rows: Iterable[dict[str, Any]], head: tuple[int, str]) -> Iterator[dict[str, Any]]:
    """The rows numbered and hashed on from the head."""
    seq, link = head
    for each in rows:
        seq += 1
        link = verify_journal.link(link, {"seq": seq, **each}, journal_body.text)
        yield {"seq": seq, **each, "hash": link}


def read(row: Mapping[str, Any], values: Kept) -> Iterator[Event]:
    """The events of a stored row, with the values that are kept of it."""
    at = _moment(row["at_us"])
    for subject, body in unfolded(row["subject"], json.loads(journal_values.put_back(row["body"], values))):
        yield Event(row["kind"], subject, body, row["actor"], at, row["seq"], row["hash"])


def unfolded(subject: str, body: dict[str, Any]) -> Sequence[tuple[str, dict[str, Any]]]:
    """Subject and body of each event of a row."""
    return body["each"] if body.keys() == {"each"} else [(subject, body)]


def _moment(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


def batch(rows: Sequence[sa.Row], values: dict[int, Kept]) -> pa.RecordBatch:
    """Rows as Arrow, with their values."""
    said = [(*row[:5], journal_values.put_back(row.body, values.get(row.seq, {})), row.hash) for row in rows]
    return pa.record_batch([pa.array(column, kind) for column, kind in zip(zip(*said), SCHEMA.types)], SCHEMA)
