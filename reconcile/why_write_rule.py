"""What stands between a planned write and the system, or why there is no such write: the first rule that holds."""

import duckdb

from hub.past import HELD
from hub.projection import UNDER_WAY
from hub.rules import Rules
from reconcile import shown, standing
from reconcile.why_rule import Rule
from reconcile.why_write_subject import Subject


def decided(connection: duckdb.DuckDBPyConnection, subject: Subject, rules: Rules) -> tuple[str, Rule]:
    """The state of a write and the rule behind it."""
    line = subject.line
    if not line:
        return "none", _none(connection, subject, rules)
    if not line["status"]:
        return _out_of_plan(connection, line)
    return line["status"], {"held": _held, "approved": _approved, "needs_consent": _waits}[line["status"]](connection, line)


def _held(connection: duckdb.DuckDBPyConnection, line: dict) -> Rule:
    if line["held"]:
        return Rule("posted" if line["held"].startswith("posted") else "reference", line["held"])
    about = about_of(line)
    row = connection.execute(
        f"SELECT id, kind, message, opened_at FROM journal.exception WHERE subject = ? AND kind IN {HELD} ORDER BY seq LIMIT 1", [about]
    ).fetchone()
    if row:
        says = f"{row[1].replace('_', ' ')} since {shown.at(row[3])}: {shown.message(line['entity'], about, row[2])}"
        return Rule("exception", says, {"exception": row[0], "about": about})
    return Rule("doubt" if line["hold"].startswith("waits for a steward") else "guard", line["hold"])


def about_of(line: dict) -> str:
    """What exceptions call the line."""
    return f"{line['system']} {line['object']} {line['record_id'] or line['hub_id']} {line['field'] or 'create'}"


def _approved(connection: duckdb.DuckDBPyConnection, line: dict) -> Rule:
    who = f'policy "{line["policy"]}"' if line["policy"] else line["approved_by"]
    return Rule("consent", f"{who} consented; the next push sends it", {"approved_by": line["approved_by"], "policy": line["policy"]})


def _waits(connection: duckdb.DuckDBPyConnection, line: dict) -> Rule:
    row = connection.execute(
        """SELECT actor, happened_at FROM journal.event
      WHERE kind = 'plan.withdrawn' AND list_contains(from_json(body -> 'lines', '["VARCHAR"]'), ?) ORDER BY seq DESC LIMIT 1""",
        [line["line_id"]],
    ).fetchone()
    if row:
        return Rule(
            "withdrawn", f"{row[0]} took consent back on {shown.at(row[1])}; only a person gives it again", {"withdrawn_by": row[0]}
        )
    return Rule("no_consent", "no policy covers it, and nobody has consented yet")


def _out_of_plan(connection: duckdb.DuckDBPyConnection, line: dict) -> tuple[str, Rule]:
    waived = connection.execute("SELECT actor, reason FROM journal.waiver WHERE discrepancy_id = ?", [line["discrepancy_id"]]).fetchone()
    if waived:
        return "waived", Rule("waived", f"waived by {waived[0]}: {waived[1]}", {"waived_by": waived[0], "reason": waived[1]})
    sent = connection.execute(
        f"""SELECT push_id, state, intended_at FROM journal.push WHERE state IN {UNDER_WAY}
      AND (line_id = ? OR (action = 'create' AND system = ? AND object = ? AND hub_id = ?)) ORDER BY seq DESC LIMIT 1""",
        [line["line_id"], line["system"], line["object"], line["hub_id"]],
    ).fetchone()
    push, state, at = sent or (None, "on its way", None)
    return "sent", Rule(
        state, f"push {push} of {shown.at(at)} is {state.replace('_', ' ')}; a later snapshot settles it", {"push_id": push}
    )


def _none(connection: duckdb.DuckDBPyConnection, subject: Subject, rules: Rules) -> Rule:
    """Why there is nothing to write to a field of a record."""
    where = f"{subject.system} {subject.object}"
    system, each = next((s, o) for s, o in rules.objects(subject.of) if (s.system, o.name) == (subject.system, subject.object))
    live = connection.execute(f"SELECT is_live FROM canonical.{subject.of} WHERE record_ref = ?", [subject.record_ref]).fetchone()[0]
    if not live:
        return Rule("gone", f"{shown.record(subject.record_ref)} is gone; the hub writes to no record that is not there")
    if (played := _played(connection, subject, system.role, rules)) and played != system.system:
        facts = {"role": system.role, "plays": played}
        return Rule("not_played", f"{played} plays {system.role} for it, not {system.system} (cutover); the other is never written", facts)
    if subject.field == "hub_id":
        return _no_hub_id(each, where)
    rule = standing.rule_of(connection, subject.of, subject.hub_id, subject.field, rules)
    facts = {"owner": rule.owner, "mirror": list(rule.mirror)}
    if system.role == rule.owner:
        return Rule("owner", f"{system.role} owns {subject.field}{rule.during}: an owner is never written", facts)
    if system.role not in rule.mirror:
        mirrors = ", ".join(rule.mirror) or "nobody"
        return Rule(
            "not_mirrored", f"{subject.field}{rule.during} is owned by {rule.owner} and mirrored by {mirrors}, not by {system.role}", facts
        )
    if subject.field not in each.fields:
        return Rule("not_mapped", f"{where} is not mapped to {subject.field}", facts)
    if not each.write.update or not any(part.goes_back for part in each.fields[subject.field].values()):
        return Rule("no_way_back", f"{where} has no way to write {subject.field}; correct it by hand", facts)
    raised = connection.execute(
        "SELECT owner, says FROM discrepancy.value_differs WHERE record_ref = ? AND field = ? AND owner <> ?",
        [subject.record_ref, subject.field, system.role],
    ).fetchone()
    if raised:
        return Rule("raised", f"the contract lets {raised[0]} say what shall be, and writes nothing: {raised[1]}", facts)
    value, given = standing.value(connection, subject.of, subject.hub_id, subject.field)
    if value == "nothing":
        return Rule("nobody_says", f"nobody gives {subject.field}; an empty value is never written", facts)
    return Rule("agrees", f"{shown.record(subject.record_ref)} says {subject.field} as it should be", facts | {"from": given})


def _played(connection: duckdb.DuckDBPyConnection, subject: Subject, role: str, rules: Rules) -> str | None:
    """The system that plays a role for the thing, where a cut-over tells."""
    if role not in rules.cut(subject.of):
        return None
    row = connection.execute(f"SELECT {role}_system FROM golden.{subject.of} WHERE hub_id = ?", [subject.hub_id]).fetchone()
    return row and row[0]


def _no_hub_id(each, where: str) -> Rule:
    if not (each.external_id and each.write.update):
        return Rule("no_way_back", f"{where} has no field for the hub id")
    return Rule("agrees", "it carries its hub id already, or is a duplicate of the record that does")
