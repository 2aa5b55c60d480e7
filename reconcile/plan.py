"""The plan: a sealed list of corrections, each with before, after and why. Nothing is pushed that no one approved."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

import duckdb

from hub import projection
from hub.controls import person
from hub.errors import Refused
from hub.journal import Event, Journal
from hub.projection import UNDER_WAY
from reconcile import beside, consent
from reconcile.in_force import InForce

CHUNK = 1_000  # lines in one journal event

# One row a correction that is due: not waived, not on its way, and held when finance forbids it, the breaker stopped its object, an
# exception about it is open, or a steward has still to say whether a record to create is there already. A view, so that it is never
# behind the journal. Consent counts once, as long as it is valid: not after its push is confirmed, nor after the line left a plan,
# nor when it is older than the closing of an exception.
DUE = """
CREATE OR REPLACE VIEW work.plan_line AS
WITH about AS (
  SELECT *, concat_ws(' ', system, object, coalesce(record_id, hub_id), coalesce(field, 'create')) AS about FROM outbound.delta
)
SELECT d.* EXCLUDE (about), a.actor AS approved_by, a.policy, s.class AS sensitivity, h.authors, a.consents,
  CASE WHEN d.money >= k.eyes_amount OR list_contains(k.eyes_classes, s.class) THEN 2 ELSE 1 END AS eyes,
  COALESCE(d.held, q.says, CASE WHEN d.field IS DISTINCT FROM 'hub_id' THEN t.says END,
    'waits for a steward: ' || w.record_ref || ' may be it already; decide the pair in `hub serve`') AS barred,  -- whatever becomes of exceptions
  COALESCE(barred, CASE WHEN e.id IS NOT NULL THEN e.message END) AS hold,
  CASE WHEN hold IS NOT NULL THEN 'held' WHEN a.people >= eyes OR eyes = 1 AND a.line_id IS NOT NULL THEN 'approved' ELSE 'needs_consent' END AS status
FROM about AS d
ANTI JOIN journal.waiver AS v ON v.discrepancy_id = d.discrepancy_id
ANTI JOIN (SELECT line_id FROM journal.push WHERE state IN {under_way}) AS i ON i.line_id = d.line_id
-- a record that is being created is on its way, even if its values would be others by now
ANTI JOIN (
  SELECT action, system, object, hub_id FROM journal.push WHERE state IN {under_way} AND action = 'create'
) AS p ON p.action = d.action AND p.system = d.system AND p.object = d.object AND p.hub_id = d.hub_id
LEFT JOIN work.control AS k ON TRUE  -- absent: nothing was set yet
LEFT JOIN work.sensitivity AS s ON s.entity = d.entity AND s.field = d.field
LEFT JOIN work.guarded AS q ON q.about = d.about
LEFT JOIN work.tripped AS t ON t.system = d.system AND t.object = d.object
LEFT JOIN (
  SELECT l.line_id, to_json(list(DISTINCT u.actor ORDER BY u.actor))::VARCHAR AS authors
  FROM about AS l
  JOIN work.author AS u ON u.entity = l.entity AND u.hub_id = l.hub_id
    AND (u.column_name IS NULL OR l.action = 'create' OR u.column_name = l.field OR starts_with(u.column_name, l.field || '_'))
  GROUP BY l.line_id
) AS h ON h.line_id = d.line_id
LEFT JOIN (
  SELECT n.line_id, any_value(n.actor ORDER BY n.seq) AS actor, first(n.policy ORDER BY n.seq) AS policy,
    count(DISTINCT lower(trim(n.actor))) FILTER (n.policy IS NULL) AS people,
    to_json(list(DISTINCT n.actor ORDER BY n.actor) FILTER (n.policy IS NULL))::VARCHAR AS consents
  FROM journal.approval AS n
  JOIN about AS l ON l.line_id = n.line_id
  LEFT JOIN journal.left_plan AS o ON o.line_id = n.line_id AND o.seq > n.seq
  LEFT JOIN journal.event AS v ON v.seq = n.seq AND v.happened_at < (SELECT {now} - to_days(valid_days) FROM work.control)
  LEFT JOIN journal.closing AS c ON c.subject = l.about AND c.kind IN ('refused', 'rejected', 'unconfirmed', 'dead_letter', 'ambiguous') AND c.seq > n.seq
  LEFT JOIN journal.push AS p ON p.line_id = n.line_id AND p.state = 'confirmed' AND p.seq > n.seq
  WHERE c.seq IS NULL AND o.seq IS NULL AND v.seq IS NULL AND p.seq IS NULL
  GROUP BY n.line_id
) AS a ON a.line_id = d.line_id
LEFT JOIN (
  SELECT subject, any_value(id ORDER BY seq) AS id, any_value(message ORDER BY seq) AS message FROM journal.exception
  WHERE kind IN ('refused', 'rejected', 'unconfirmed', 'dead_letter', 'ambiguous') GROUP BY subject
) AS e ON e.subject = d.about
LEFT JOIN (
  SELECT 'create' AS action, entity, hub_id, system, object, min(record_ref) AS record_ref FROM identity.doubt GROUP BY ALL
) AS w ON w.action = d.action AND w.entity = d.entity AND w.hub_id = d.hub_id AND w.system = d.system AND w.object = d.object
""".replace("{now}", beside.NOW).replace("{under_way}", UNDER_WAY)
# Asked first: most systems agree most of the time, and to plan the query above takes longer than to answer one of these.
ANY = "SELECT 1 FROM outbound.delta LIMIT 1"
CONSENTED = f"""
SELECT 1 FROM outbound.delta AS d SEMI JOIN journal.approval AS a ON a.line_id = d.line_id
ANTI JOIN (SELECT line_id FROM journal.push WHERE state IN {UNDER_WAY}) AS i ON i.line_id = d.line_id
WHERE d.system = $system LIMIT 1"""


class Line(NamedTuple):
    """One correction of one field of one record, or one record to create. base, want: JSON objects of canonical columns.

    authors   JSON list of the people on whose decisions it rests: none of them may consent to it
    eyes      how many people have to consent
    consents  JSON list of the people who have
    """

    line_id: str
    discrepancy_id: str
    action: str
    entity: str
    hub_id: str
    system: str
    object: str
    record_id: str | None
    field: str | None
    base: str | None
    want: str
    why: str
    hold: str | None = None
    status: str = "needs_consent"
    money: Decimal | None = None
    currency: str | None = None
    sensitivity: str | None = None
    authors: str | None = None
    eyes: int = 1
    consents: str | None = None

    @property
    def about(self) -> str:
        """What exceptions call it."""
        return f"{self.system} {self.object} {self.record_id or self.hub_id} {self.field or 'create'}"

    def is_open_to(self, actor: str) -> bool:
        """Whether a person may consent to it: it rests on no decision of theirs, and they have not yet."""
        return person(actor) not in {person(each) for each in json.loads(self.authors or "[]") + json.loads(self.consents or "[]")}


# What the journal holds of a line: all that does not follow from consent.
SAID = [name for name in Line._fields if name not in ("status", "consents")]


@dataclass(frozen=True)
class Plan:
    """Lines in a fixed order. Two plans with equal lines have the same hash: consent is given to what was read."""

    lines: tuple[Line, ...]

    @cached_property
    def hash(self) -> str:
        return hash_of(self.lines)

    def open_to(self, actor: str) -> list[Line]:
        """The lines that wait for consent, and that this person may consent to."""
        return [line for line in self.lines if line.status == "needs_consent" and line.is_open_to(actor)]

    def count(self, status: str) -> int:
        return sum(line.status == status for line in self.lines)


def sealed(line: Line) -> tuple[str, str, str | None, str | None, str]:
    """What a reader sees of a line: its id stands for the record, the field, before and after."""
    return line.line_id, line.why, line.hold, line.authors, str(line.eyes)


def hash_of(lines: Iterable[Line]) -> str:
    """What names these lines, and nothing but them in this order."""
    return hashlib.sha256(json.dumps([sealed(line) for line in lines]).encode()).hexdigest()[:16]


def make(connection: duckdb.DuckDBPyConnection, journal: Journal, in_force: InForce) -> tuple[str, Counter]:
    """Build the plan, seal it in the journal, and let the policies in force approve what they cover; returns its hash, and how many lines have each status."""
    projection.load(connection, journal)
    lay(connection)
    plan = read(connection)
    told = journal.append(_seal(plan, _sealed(connection), _on_their_way(connection)))
    covered = consent.covered(plan.lines, in_force, _withdrawn(connection))
    told += journal.append(consent.approvals(plan.hash, covered))
    if told:
        projection.load(connection, journal)
    # Not read again: what the journal let a policy consent to needs nobody else.
    approved = sum(map(len, covered.values()))
    return plan.hash, Counter(line.status for line in plan.lines) + Counter(approved=approved) - Counter(needs_consent=approved)


def lay(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the plan's view, and those that it rests on."""
    beside.lay(connection)
    connection.execute(DUE)


def read(connection: duckdb.DuckDBPyConnection) -> Plan:
    """The plan as last made."""
    return _read(connection, "TRUE") if connection.execute(ANY).fetchone() else Plan(())


def approved(connection: duckdb.DuckDBPyConnection, system: str) -> tuple[Line, ...]:
    """The lines of the plan that may be sent to a system."""
    if not connection.execute(CONSENTED, {"system": system}).fetchone():
        return ()
    return _read(connection, "status = 'approved' AND system = $system", system=system).lines


def _read(connection: duckdb.DuckDBPyConnection, wanted: str, **values: str) -> Plan:
    names = ", ".join(Line._fields)
    rows = connection.execute(
        f"SELECT {names} FROM work.plan_line WHERE {wanted} ORDER BY system, object, action, record_id, hub_id, field, line_id", values
    ).fetchall()
    return Plan(tuple(map(Line._make, rows)))


def approve(journal: Journal, plan: Plan, plan_hash: str, actor: str, line_ids: Iterable[str] | None = None) -> int:
    """Record a person's consent to lines of the plan they read; returns how many.

    line_ids  all that wait, by default, and that this person may consent to

    Raises Refused when the plan is another by now, and for lines that are not this person's to consent to.
    """
    if not plan.hash.startswith(plan_hash) or len(plan_hash) < 8:
        raise Refused(f"plan {plan_hash} is not the present one, {plan.hash}; read `hub plan` again, then approve that")
    waiting = {line.line_id for line in plan.lines if line.status == "needs_consent"}
    wanted = {line.line_id for line in plan.open_to(actor)} if line_ids is None else set(line_ids)
    if not wanted <= waiting:
        raise Refused(
            f"{', '.join(sorted(wanted - waiting)[:3])} needs no consent in plan {plan.hash}: it is held, approved or not there; see `hub plan`"
        )
    if waiting and not wanted and line_ids is None:
        raise Refused(
            f"{actor} may not consent to any of the {len(waiting)} lines that wait: they rest on their own decisions, or need a second person"
        )
    ids = sorted(wanted)
    journal.append([Event("plan.approved", plan.hash, {"lines": ids[at : at + CHUNK]}, actor) for at in range(0, len(ids), CHUNK)])
    return len(wanted)


def withdraw(journal: Journal, plan_hash: str, actor: str, line_ids: Iterable[str]) -> None:
    """Take consent back, for lines that were not pushed yet."""
    journal.append([Event("plan.withdrawn", plan_hash, {"lines": sorted(line_ids)}, actor)])


def _withdrawn(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        """SELECT unnest(from_json(body -> 'lines', '["VARCHAR"]')) FROM journal.event WHERE kind = 'plan.withdrawn'"""
    ).fetchall()
    return {line_id for (line_id,) in rows}


def _sealed(connection: duckdb.DuckDBPyConnection) -> set[tuple]:
    return set(connection.execute("SELECT line_id, why, hold, authors, coalesce(eyes, '1') FROM journal.sealed").fetchall())


def _on_their_way(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Lines that are not due because they were sent: they are in the plan until it is known what came of them."""
    rows = connection.execute(f"SELECT DISTINCT line_id FROM journal.push WHERE state IN {UNDER_WAY}").fetchall()
    return {line_id for (line_id,) in rows}


def _seal(plan: Plan, before: set[tuple], sent: set[str]) -> list[Event]:
    """What is in this plan and was not sealed so, and what is no longer in it: the cost of a seal follows the change."""
    said = attrgetter(*SAID)
    added = [dict(zip(SAID, said(line))) for line in plan.lines if sealed(line) not in before]
    gone = sorted({line_id for line_id, *_ in before} - {line.line_id for line in plan.lines} - sent)
    return [
        Event("plan.sealed", plan.hash, {"lines": added[at : at + CHUNK], "gone": gone[at : at + CHUNK]})
        for at in range(0, max(len(added), len(gone)), CHUNK)
    ]
