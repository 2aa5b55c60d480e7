"""Why a planned write is planned, held or not there: the discrepancy, ownership, the golden value and where it is from, consent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from hub.rules import Rules
from reconcile import pushes, shown, standing, why_write_rule
from reconcile.chain import Link
from reconcile.why_rule import Rule
from reconcile.why_write_subject import Subject, find

NEWEST = 2**62  # an event of the journal after all others


@dataclass(frozen=True)
class Write:
    """The answer for a write. status: needs_consent, approved, held, waived, sent or none."""

    subject: Subject
    status: str
    rule: Rule
    because: tuple[Link, ...]


def asked(connection: duckdb.DuckDBPyConnection, words: Sequence[str], rules: Rules) -> Write:
    """Why a write is as it is, on a cut. words: see `why_write_subject.find`. Raises Refused for what is unknown."""
    subject = find(connection, words, rules)
    status, rule = why_write_rule.decided(connection, subject, rules)
    return Write(subject, status, rule, tuple(_because(connection, subject, rules)))


def _because(connection: duckdb.DuckDBPyConnection, subject: Subject, rules: Rules) -> list[Link]:
    line = subject.line
    if not line:
        return [] if subject.field == "hub_id" or not subject.hub_id else [_value(connection, subject, rules)]
    moved = (
        f"{shown.values(subject.of, line['base'])} -> {shown.values(subject.of, line['want'])}"
        if subject.record_ref
        else shown.values(subject.of, line["want"])
    )
    says = f"plan line {line['line_id'][:8]}: {moved}: {line['why']}"
    found = [
        Link("plan_line", says, tuple(_found(connection, line)), {"line_id": line["line_id"]}),
        pushes.consent(connection, line["line_id"], NEWEST),
    ]
    if subject.field == "hub_id":
        return [*found, Link("golden", f"{subject.hub_id} is the hub id of the record")]
    return [*found, pushes.golden(connection, subject.of, subject.record_ref, subject.hub_id, subject.field, line["want"], rules)]


def _found(connection: duckdb.DuckDBPyConnection, line: dict[str, Any]) -> list[Link]:
    row = connection.execute(
        """SELECT f.class, f.says, c.opened_at FROM discrepancy.found AS f
      LEFT JOIN journal.open_case AS c ON c.id = f.id  -- absent until the cycle that found it has closed
      WHERE f.id = ?""",
        [line["discrepancy_id"]],
    ).fetchone()
    if not row:
        return []
    since = f" open since {shown.at(row[2])}" if row[2] else ""
    return [
        Link("discrepancy", f"{row[0].replace('_', ' ')}{since}: {row[1]}", facts={"discrepancy": line["discrepancy_id"], "class": row[0]})
    ]


def _value(connection: duckdb.DuckDBPyConnection, subject: Subject, rules: Rules) -> Link:
    said, given = standing.value(connection, subject.of, subject.hub_id, subject.field)
    rule = standing.by_rule(connection, subject.of, subject.hub_id, subject.field, rules)
    return Link("golden", f"golden value {said}{rule}" + (f" · from {shown.record(given)}" if given else ""), facts={"from": given})
