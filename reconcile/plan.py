"""The plan: a sealed list of corrections, each with before, after and why. Nothing is pushed that no one approved."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import duckdb

from hub import projection
from hub.errors import Refused
from hub.journal import Event, Journal
from reconcile.policies import Policy

CHUNK = 1_000  # lines in one journal event

# One row a correction that is due: not waived, not on its way, and held when an exception about it is open, or when a steward
# has still to say whether a record to create is there already. A view, so that it is never behind the journal. Consent counts once: not after its push is confirmed, nor when it is older than the closing of an exception.
DUE = """
CREATE OR REPLACE VIEW work.plan_line AS
WITH about AS (
  SELECT *, concat_ws(' ', system, object, coalesce(record_id, hub_id), coalesce(field, 'create')) AS about FROM outbound.delta
)
SELECT d.* EXCLUDE (about), a.actor AS approved_by, a.policy,
  COALESCE(d.held, CASE WHEN e.id IS NOT NULL THEN e.message END, 'waits for a steward: ' || w.record_ref || ' may be it already; decide the pair in `hub serve`') AS hold,
  CASE WHEN hold IS NOT NULL THEN 'held' WHEN a.line_id IS NOT NULL THEN 'approved' ELSE 'needs_consent' END AS status
FROM about AS d
LEFT JOIN (
  SELECT n.line_id, any_value(n.actor ORDER BY n.seq) AS actor, first(n.policy ORDER BY n.seq) AS policy
  FROM journal.approval AS n
  JOIN about AS l ON l.line_id = n.line_id
  LEFT JOIN journal.closing AS c ON c.subject = l.about AND c.kind IN ('refused', 'rejected', 'unconfirmed', 'dead_letter', 'ambiguous') AND c.seq > n.seq
  WHERE c.seq IS NULL AND NOT EXISTS (SELECT 1 FROM journal.push AS p WHERE p.line_id = n.line_id AND p.state = 'confirmed' AND p.seq > n.seq)
  GROUP BY n.line_id
) AS a ON a.line_id = d.line_id
LEFT JOIN (
  SELECT subject, any_value(id ORDER BY seq) AS id, any_value(message ORDER BY seq) AS message FROM journal.exception
  WHERE kind IN ('refused', 'rejected', 'unconfirmed', 'dead_letter', 'ambiguous') GROUP BY subject
) AS e ON e.subject = d.about
LEFT JOIN (
  SELECT entity, hub_id, system, object, min(record_ref) AS record_ref FROM identity.doubt GROUP BY entity, hub_id, system, object
) AS w ON d.action = 'create' AND w.entity = d.entity AND w.hub_id = d.hub_id AND w.system = d.system AND w.object = d.object
WHERE d.discrepancy_id NOT IN (SELECT discrepancy_id FROM journal.waiver)
  AND d.line_id NOT IN (SELECT line_id FROM journal.push WHERE state IN ('intended', 'in_doubt', 'acknowledged'))
  -- a record that is being created is on its way, even if its values would be others by now
  AND NOT EXISTS (SELECT 1 FROM journal.push AS p WHERE p.state IN ('intended', 'in_doubt', 'acknowledged')
    AND d.action = 'create' AND p.action = 'create' AND p.system = d.system AND p.object = d.object AND p.hub_id = d.hub_id)
"""


@dataclass(frozen=True)
class Line:
    """One correction of one field of one record, or one record to create. base, want: JSON objects of canonical columns."""

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

    @property
    def about(self) -> str:
        """What exceptions call it."""
        return f"{self.system} {self.object} {self.record_id or self.hub_id} {self.field or 'create'}"

    @property
    def is_clearing(self) -> bool:
        """Whether it would leave nothing where something is."""
        return self.action == "update" and set(json.loads(self.want).values()) == {None}

    @property
    def sealed(self) -> tuple[str, str, str | None]:
        return self.line_id, self.why, self.hold


@dataclass(frozen=True)
class Plan:
    """Lines in a fixed order. Two plans with equal lines have the same hash: consent is given to what was read."""

    lines: tuple[Line, ...]

    @cached_property
    def hash(self) -> str:
        """Of what a reader sees of each line: its id stands for the record, the field, before and after."""
        return hashlib.sha256(json.dumps([line.sealed for line in self.lines]).encode()).hexdigest()[:16]

    def count(self, status: str) -> int:
        return sum(line.status == status for line in self.lines)


def make(connection: duckdb.DuckDBPyConnection, journal: Journal, policies: Iterable[Policy], roles: Mapping[str, str]) -> Plan:
    """Build the plan, let the policies approve what they cover, and seal it in the journal.

    roles  {system: role}, which policies speak of
    """
    projection.load(connection, journal)
    connection.execute(DUE)
    plan = read(connection)
    covered = _covered(plan, policies, roles, _withdrawn(connection))
    sealed = set(connection.execute("SELECT line_id, why, hold FROM journal.sealed").fetchall())
    journal.append([*_approvals(plan, covered), *_seal(plan, sealed)])
    projection.load(connection, journal)
    approved = {line_id for lines in covered.values() for line_id in lines}
    return Plan(tuple(replace(line, status="approved") if line.line_id in approved else line for line in plan.lines))


def read(connection: duckdb.DuckDBPyConnection, status: str | None = None) -> Plan:
    """The plan as last made, all of it or the lines of one status."""
    names = ", ".join(Line.__dataclass_fields__)
    rows = connection.execute(
        f"SELECT {names} FROM work.plan_line WHERE ? IS NULL OR status = ? ORDER BY system, object, action, record_id, hub_id, field, line_id",
        [status, status],
    ).fetchall()
    return Plan(tuple(Line(*row) for row in rows))


def approve(journal: Journal, plan: Plan, plan_hash: str, actor: str, line_ids: Iterable[str] | None = None) -> int:
    """Record a person's consent to lines of the plan they read; returns how many. Raises Refused when the plan is another by now."""
    if not plan.hash.startswith(plan_hash) or len(plan_hash) < 8:
        raise Refused(f"plan {plan_hash} is not the present one, {plan.hash}; read `hub plan` again, then approve that")
    waiting = {line.line_id for line in plan.lines if line.status == "needs_consent"}
    wanted = waiting if line_ids is None else set(line_ids)
    if not wanted <= waiting:
        raise Refused(
            f"{', '.join(sorted(wanted - waiting)[:3])} needs no consent in plan {plan.hash}: it is held, approved or not there; see `hub plan`"
        )
    return _approve(journal, plan.hash, actor, sorted(wanted))


def withdraw(journal: Journal, plan_hash: str, actor: str, line_ids: Iterable[str]) -> None:
    """Take consent back, for lines that were not pushed yet."""
    journal.append([Event("plan.withdrawn", plan_hash, {"lines": sorted(line_ids)}, actor)])


def _approve(journal: Journal, plan_hash: str, actor: str, line_ids: list[str]) -> int:
    journal.append(
        [Event("plan.approved", plan_hash, {"lines": line_ids[at : at + CHUNK]}, actor) for at in range(0, len(line_ids), CHUNK)]
    )
    return len(line_ids)


def _withdrawn(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        """SELECT unnest(from_json(body -> 'lines', '["VARCHAR"]')) FROM journal.event WHERE kind = 'plan.withdrawn'"""
    ).fetchall()
    return {line_id for (line_id,) in rows}


def _covered(plan: Plan, policies: Iterable[Policy], roles: Mapping[str, str], withdrawn: set[str]) -> dict[Policy, list[str]]:
    """The lines that each policy approves. Where a person took consent back, only a person can give it again; and none empties a field."""
    covered: dict[Policy, list[str]] = {}
    for line in plan.lines:
        if line.status == "needs_consent" and line.line_id not in withdrawn and not line.is_clearing:
            policy = next((each for each in policies if each.covers(line.action, line.entity, roles[line.system], line.field)), None)
            if policy:
                covered.setdefault(policy, []).append(line.line_id)
    return covered


def _approvals(plan: Plan, covered: Mapping[Policy, list[str]]) -> list[Event]:
    return [
        Event("plan.approved", plan.hash, {"lines": lines[at : at + CHUNK], "policy": f"{policy.name} v{policy.version}"}, "policy")
        for policy, lines in covered.items()
        for at in range(0, len(lines), CHUNK)
    ]


def _seal(plan: Plan, sealed: set[tuple[str, str, str | None]]) -> list[Event]:
    """What is in this plan and was not sealed so, and what is no longer in it: the cost of a seal follows the change."""
    added = [{name: value for name, value in vars(line).items() if name != "status"} for line in plan.lines if line.sealed not in sealed]
    gone = sorted({line_id for line_id, *_ in sealed} - {line.line_id for line in plan.lines})
    return [
        Event("plan.sealed", plan.hash, {"lines": added[at : at + CHUNK], "gone": gone[at : at + CHUNK]})
        for at in range(0, max(len(added), len(gone)), CHUNK)
    ]
