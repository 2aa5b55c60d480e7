"""How a thing stands now: what survives of each field and why, and what is open about its records."""

import duckdb

from hub import entity
from hub.ownership import Rule
from hub.projection import UNDER_WAY
from hub.rules import Rules
from reconcile import shown
from reconcile.chain import Link


def golden(connection: duckdb.DuckDBPyConnection, of: str, hub_id: str, rules: Rules | None) -> Link:
    """Every field that has a value, with the record that gave it."""
    fields = []
    for name in entity.all_entities()[of].fields:
        said, given = value(connection, of, hub_id, name)
        if given:
            fields.append(
                Link(
                    "field",
                    f"{name} = {said}{by_rule(connection, of, hub_id, name, rules)} · from {shown.record(given)}",
                    facts={"field": name, "value": said, "from": given},
                )
            )
    return Link("golden", f"golden record, {version(connection)}", tuple(fields), {"hub_id": hub_id, "rules": version(connection)})


def value(connection: duckdb.DuckDBPyConnection, of: str, hub_id: str, field: str) -> tuple[str, str | None]:
    """A field's golden value as text, and the record_ref that gave it, or `pin`."""
    known = entity.all_entities()[of].fields[field]
    columns = [f"{field}_id"] if known.type == "reference" else list(known.columns(field))
    parts = ", ".join(f"'{column}': {column}" for column in columns)
    row = connection.execute(f"SELECT to_json({{{parts}}}), {field}_from FROM golden.{of} WHERE hub_id = ?", [hub_id]).fetchone()
    return (shown.values(of, row[0]), row[1]) if row else ("nothing", None)


def by_rule(connection: duckdb.DuckDBPyConnection, of: str, hub_id: str, field: str, rules: Rules | None) -> str:
    """The ownership of a field as it holds for this thing now, in words."""
    if rules is None:
        return ""
    rule = rule_of(connection, of, hub_id, field, rules)
    if rule.is_furthest:
        return " · the furthest in the life cycle"
    return (
        f" · owner {rule.owner}"
        + (f", else {', '.join(rule.otherwise)}" if rule.otherwise else "")
        + (f",{rule.during}" if rule.during else "")
    )


def rule_of(connection: duckdb.DuckDBPyConnection, of: str, hub_id: str, field: str, rules: Rules) -> Rule:
    """The rule of ownership that holds for a field of this thing now."""
    owner, known = rules.owner(of), rules.entities[of]
    if len(owner.rules(field)) == 1:
        return owner.rules(field)[0]
    picking = [name if name in known.fields else "NULL" for name in ("life_cycle", "legal_entity")]
    state, legal_entity = connection.execute(f"SELECT {', '.join(picking)} FROM golden.{of} WHERE hub_id = ?", [hub_id]).fetchone() or (
        None,
        None,
    )
    return owner.rule(field, state or next(iter(known.life_cycle), None), legal_entity)


def version(connection: duckdb.DuckDBPyConnection) -> str:
    """The version of the rules that the tables were built under."""
    built = connection.execute("SELECT rules FROM work.built").fetchone()
    return f"rules {built[0]}" if built else "rules unknown"


def open_about(connection: duckdb.DuckDBPyConnection, of: str, ref: str | None, hub_id: str) -> list[Link]:
    """What is open: discrepancies of the record (or of all the thing's) with the state of their correction, and exceptions."""
    system, name, record_id = ref.split(":", 2) if ref else (None, None, None)
    found = connection.execute(
        """
      SELECT f.id, f.class, f.system, f.object, f.record_ref, f.field, f.said, f.should, f.says, c.opened_at, w.reason, w.actor
      FROM discrepancy.found AS f
      LEFT JOIN journal.open_case AS c ON c.id = f.id  -- absent until the cycle that found it has closed
      LEFT JOIN journal.waiver AS w ON w.discrepancy_id = f.id
      WHERE f.hub_id = $1 AND ($2 IS NULL OR f.record_ref = $2 OR (f.record_ref IS NULL AND f.system = $3 AND f.object = $4)) ORDER BY f.id""",
        [hub_id, ref, system, name],
    ).fetchall()
    links = [_discrepancy(connection, of, row) for row in found]
    about = f"{system} {name} {record_id}" if ref else None
    troubles = connection.execute(
        """
      SELECT id, kind, subject, message, opened_at FROM journal.exception
      WHERE subject = $1 OR starts_with(subject, $1 || ' ') OR contains(subject, ' ' || $2 || ' ') ORDER BY opened_at, id""",
        [about, hub_id],
    ).fetchall()
    return links + [
        Link(
            "exception",
            f"{kind} since {shown.at(opened)}: {shown.message(of, subject, message)}",
            facts={"exception": key, "about": subject},
        )
        for key, kind, subject, message, opened in troubles
    ]


def _discrepancy(connection: duckdb.DuckDBPyConnection, of: str, row: tuple) -> Link:
    key, klass, system, name, ref, field, said, should, says, opened, reason, actor = row
    what = f"{field}: {system} says {shown.values(of, said)}, should be {shown.values(of, should)}" if should else says
    lines = connection.execute(
        "SELECT line_id, status, hold, want FROM work.plan_line WHERE discrepancy_id = ? ORDER BY line_id", [key]
    ).fetchall()
    sent = connection.execute(
        f"""
      SELECT p.push_id, p.state FROM journal.push AS p JOIN outbound.delta AS d ON d.line_id = p.line_id
      WHERE d.discrepancy_id = ? AND p.state IN {UNDER_WAY} ORDER BY p.seq DESC LIMIT 1""",
        [key],
    ).fetchone()
    if reason:
        then = f"waived by {actor}: {reason}"
    elif sent:
        then = f"on its way: push {sent[0]} is {sent[1].replace('_', ' ')}"
    elif lines:
        hidden = field and shown.is_sensitive(of, field)
        then = f"plan line {lines[0][0][:8]} is {lines[0][1].replace('_', ' ')}" + (
            f": {shown.HIDDEN if hidden else lines[0][2]}" if lines[0][2] else ""
        )
    elif klass == "duplicate":
        then = f"merge it in {system}; the hub merges no records"
    else:
        then = "the hub writes nothing here; correct it by hand, or waive it"
    since = f" since {shown.at(opened)}" if opened else ""
    facts = {"discrepancy": key, "class": klass, "field": field, "object": f"{system} {name}"}
    return Link("discrepancy", f"open{since}: {klass.replace('_', ' ')}: {what}", (Link("plan_line", then),), facts)
