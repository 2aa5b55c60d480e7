"""An explained write as text for a terminal and as a dict for a machine."""

from typing import Any

from reconcile import shown
from reconcile.chain import Chain
from reconcile.why_write import Write
from reconcile.why_write_flip import Turn

STATES = {
    "needs_consent": "it would wait for consent",
    "approved": "it would be sent",
    "held": "it would be held",
    "waived": "it would be waived",
    "sent": "it would be on its way",
    "none": "nothing would be written",
}


def lines(write: Write, turns: list[Turn]) -> list[str]:
    """The answer, line by line: what the write is, the rule, what it rests on, what would change it."""
    subject = write.subject
    where = shown.record(subject.record_ref) if subject.record_ref else f"{subject.system} {subject.object} new {subject.hub_id}"
    told = [f"{subject.of} {where} {subject.field}   {subject.hub_id or ''}", f"{write.status.replace('_', ' ')}: {write.rule.says}"]
    told += Chain("", True, write.because).lines()[1:]
    return [*told, "", "what would change it:", *(f"  {_says(each, write)}" for each in turns)] if turns else told


def _says(turn: Turn, write: Write) -> str:
    if not turn.is_checked:
        return f"if {turn.says}, it might be written (not applied: another version of the rules would have to be built)"
    other = turn.want and turn.want != (write.subject.line or {}).get("want")
    wanted = f", to write {shown.values(write.subject.of, turn.want)}" if other else ""
    return f"if {turn.says}, {STATES[turn.status]}{wanted}"


def as_dict(write: Write, turns: list[Turn]) -> dict[str, Any]:
    """The same for a machine; the keys are those of docs/explain.md. Sensitive values are hidden."""
    subject, line = write.subject, write.subject.line or {}
    return {
        "question": "write",
        "entity": subject.of,
        "hub_id": subject.hub_id,
        "system": subject.system,
        "object": subject.object,
        "record_ref": subject.record_ref,
        "field": subject.field,
        "line_id": line.get("line_id"),
        "status": write.status,
        "rule": {"name": write.rule.name, "says": write.rule.says, **write.rule.facts},
        "before": line and shown.values(subject.of, line["base"]),
        "after": line and shown.values(subject.of, line["want"]),
        "because": [each.as_dict() for each in write.because],
        "flips": [_turn(each, write) for each in turns],
    }


def _turn(turn: Turn, write: Write) -> dict[str, Any]:
    after = shown.values(write.subject.of, turn.want) if turn.want else None
    return {"says": _says(turn, write), "changes": [turn.changes], "checked": turn.is_checked, "status_after": turn.status, "after": after}
