"""What the hub wrote to a record: each field's last push, with the line, the consent, the value and the source behind it."""

import json
from typing import Any

import duckdb

from hub.rules import Rules
from reconcile import kinship, shown, standing
from reconcile.chain import Link

OUTCOME = {
    "acknowledged": "acknowledged",
    "in_doubt": "no clear answer",
    "not_sent": "not sent",
    "rejected": "rejected",
    "moved": "refused, the record had moved",
    "confirmed": "confirmed",
    "unconfirmed": "acknowledged, yet not to be seen",
    "ambiguous": "several records carry the hub id",
}


def written(connection: duckdb.DuckDBPyConnection, of: str, ref: str, hub_id: str, rules: Rules | None) -> list[Link]:
    """One link for each field that was ever pushed to a record: the last push, and how often there was one before."""
    system, name, record_id = ref.split(":", 2)
    found = connection.execute(
        """
      SELECT DISTINCT p.push_id, p.seq, p.action, p.intended_at, e.body
      FROM journal.push AS p JOIN journal.event AS e ON e.seq = p.seq AND e.subject = p.push_id
      WHERE p.system = ? AND p.object = ? AND p.record_id = ? ORDER BY p.seq""",
        [system, name, record_id],
    ).fetchall()
    latest, count = {}, {}
    for push_id, seq, action, at, text in found:
        for field, change in json.loads(text)["fields"].items():
            latest[field], count[field] = (push_id, seq, action, at, change), count.get(field, 0) + 1
    return [_push(connection, of, ref, hub_id, field, *push, count[field] - 1, rules) for field, push in sorted(latest.items())]


def _push(
    connection,
    of: str,
    ref: str,
    hub_id: str,
    field: str,
    push_id: str,
    seq: int,
    action: str,
    at,
    change: dict[str, Any],
    before: int,
    rules: Rules | None,
) -> Link:
    life = connection.execute(
        "SELECT body ->> 'state', body ->> 'message', happened_at, seq FROM journal.event WHERE kind = 'push.outcome' AND subject = ? AND seq > ? ORDER BY seq",
        [push_id, seq],
    ).fetchall()
    states = [
        OUTCOME.get(state, state) + (f" ({message})" if message and not shown.is_sensitive(of, field) else "")
        for state, message, _, _ in life
    ] or ["no answer recorded yet"]
    seen = _seen_in(connection, ref, at) if life and life[-1][0] == "confirmed" else None
    value = "record created" if action == "create" else f"{field} = {shown.values(of, change['want'])}"
    says = f"{value}   written {shown.at(at)} by push {push_id}, {', '.join(dict.fromkeys(states))}" + (
        f", seen in snapshot {seen}" if seen else ""
    )
    says += f"; {before} earlier" if before else ""
    facts = {
        "field": field,
        "push_id": push_id,
        "state": life[-1][0] if life else "intended",
        "snapshot": seen,
        "want": shown.values(of, change["want"]),
    }
    return Link("push", says, (_line(connection, of, ref, hub_id, field, push_id, seq, change, rules),), facts)


def _seen_in(connection, ref: str, at) -> str | None:
    """The snapshot that showed the record changed after a push; else the first that was taken after it."""
    system, name, record_id = ref.split(":", 2)
    row = connection.execute(
        """
      SELECT s.id FROM capture.snapshot AS s
      LEFT JOIN capture.change AS c ON c.snapshot = s.id AND c.record_id = $3  -- absent: the read was incremental and had nothing new of it
      WHERE s.system = $1 AND s.object = $2 AND s.kind <> 'replay' AND s.taken_at::TIMESTAMPTZ > $4::TIMESTAMPTZ
      ORDER BY c.record_id IS NULL, s.taken_at LIMIT 1""",
        [system, name, record_id, at],
    ).fetchone()
    return row[0] if row else None


def _line(
    connection, of: str, ref: str, hub_id: str, field: str, push_id: str, seq: int, change: dict[str, Any], rules: Rules | None
) -> Link:
    line_id, plan = _sealed(connection, push_id, seq, field)
    was = "" if field == "create" else f"target was {shown.values(of, change['base'])}, "
    under = _rules(connection, seq)
    says = f"plan line {(line_id or '?')[:8]} of plan {plan or '?'} ({was}wanted {shown.values(of, change['want'])}): {change['why']} · rules {under or '?'}"
    reasons = [consent(connection, line_id, seq)]
    if field == "hub_id":
        reasons.append(Link("golden", f"{hub_id} is the hub id of the record"))
    else:
        reasons.append(golden(connection, of, ref, hub_id, field, change["want"], rules))
    return Link(
        "plan_line", says, tuple(reasons), {"line_id": line_id, "plan": plan, "base": shown.values(of, change["base"]), "rules": under}
    )


def _sealed(connection, push_id: str, seq: int, field: str) -> tuple[str | None, str | None]:
    """The line of a push that is about a field, and the plan in which it was sealed last before the push."""
    row = connection.execute(
        """
      SELECT line ->> 'line_id', plan FROM (
        SELECT e.subject AS plan, e.seq, unnest(from_json(e.body -> 'lines', '["JSON"]')) AS line FROM journal.event AS e WHERE e.kind = 'plan.sealed' AND e.seq < $2)
      WHERE (line ->> 'line_id') IN (SELECT line_id FROM journal.push WHERE push_id = $1) AND coalesce(line ->> 'field', 'create') = $3
      ORDER BY seq DESC LIMIT 1""",
        [push_id, seq, field],
    ).fetchone()
    return row or (None, None)


def _rules(connection, seq: int) -> str | None:
    """The version of the rules under which the hub lived before an event of the journal."""
    row = connection.execute(
        "SELECT subject FROM journal.event WHERE kind = 'rules.changed' AND seq < ? ORDER BY seq DESC LIMIT 1", [seq]
    ).fetchone()
    return row and row[0]


def consent(connection, line_id: str | None, seq: int) -> Link:
    """Who consented to a line last, before an event of the journal."""
    row = connection.execute(
        """
      SELECT e.actor, e.body ->> 'policy', e.happened_at, e.subject FROM journal.event AS e
      WHERE e.kind = 'plan.approved' AND e.seq < ? AND list_contains(from_json(e.body -> 'lines', '["VARCHAR"]'), ?) ORDER BY e.seq DESC LIMIT 1""",
        [seq, line_id],
    ).fetchone()
    if not row:
        return Link("consent", "no consent is on record")
    who = f'policy "{row[1]}"' if row[1] else row[0]
    return Link(
        "consent", f"consent by {who}, {shown.at(row[2])}, to plan {row[3]}", facts={"actor": row[0], "policy": row[1], "plan": row[3]}
    )


def golden(connection, of: str, ref: str, hub_id: str, field: str, want: str, rules: Rules | None) -> Link:
    """The value that was wanted of a record: by which ownership it survived, and from where."""
    if field == "create":
        return standing.golden(connection, of, hub_id, rules)
    value, given = standing.value(connection, of, hub_id, field)
    moved = "" if value == shown.values(of, want) else f", which is {value} by now"
    says = f"golden value {shown.values(of, want)}{moved}{standing.by_rule(connection, of, hub_id, field, rules)} · {standing.version(connection)}"
    if not given or given == "pin":
        return Link("golden", says, (_pin(connection, hub_id, field),) if given else ())
    reasons = [source(connection, given)]
    if given != ref:
        reasons.append(kinship.why_one(connection, of, ref, given))
    return Link("golden", f"{says} · from {shown.record(given)}", tuple(reasons), {"from": given})


def _pin(connection, hub_id: str, field: str) -> Link:
    row = connection.execute(
        """
      SELECT p.actor, e.happened_at FROM journal.pin AS p JOIN journal.crossref AS x ON x.record_ref = p.record_ref JOIN journal.event AS e ON e.seq = p.seq
      WHERE x.hub_id = ? AND (p.column_name = ? OR starts_with(p.column_name, ? || '_')) ORDER BY p.seq DESC LIMIT 1""",
        [hub_id, field, field],
    ).fetchone()
    return Link("golden", f"pinned by {row[0]} on {shown.at(row[1])}" if row else "pinned by a steward")


def source(connection, ref: str) -> Link:
    """Where a record's present values come from: its last change, and the snapshot that showed it."""
    system, name, record_id = ref.split(":", 2)
    row = connection.execute(
        """
      SELECT c.kind, c.snapshot, s.taken_at FROM capture.change AS c JOIN capture.snapshot AS s ON s.id = c.snapshot
      WHERE c.system = ? AND c.object = ? AND c.record_id = ? ORDER BY s.taken_at DESC LIMIT 1""",
        [system, name, record_id],
    ).fetchone()
    if not row:
        return Link("source", f"{shown.record(ref)}: no change of it is on record")
    return Link(
        "source",
        f"{shown.record(ref)}: last {row[0]} seen {shown.at(row[2])} in snapshot {row[1]}",
        facts={"record_ref": ref, "snapshot": row[1], "change": row[0]},
    )
