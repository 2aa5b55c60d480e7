"""Exceptions: what went wrong where, why, and the next step; replayed here."""

from typing import Any

from hub.errors import Refused
from reconcile import replay as again, shown
from reconcile.web import says
from reconcile.web.desk import PAGE, Desk, Go, Page, Slice, link

NEXT_STEP = {
    "contract": "Mend the export, or the contract in system.yaml. The next cycle reads again by itself.",
    "unreachable": "See whether the system answers and the login holds. The next cycle tries again by itself.",
    "quarantine": "Correct the record in its system, or the mapping and then replay.",
    "unmapped": "Map the field or add it to ignore in system.yaml.",
    "partial": "None: the next cycle reads again.",
    "push": "See whether the system answers. The next cycle pushes again by itself.",
    "refused": "Read what the person wrote. Replay to let the next plan start from it, or waive the line in the plan.",
    "rejected": "Correct what the system names, then replay.",
    "unconfirmed": "See what changes the value in the system, then replay.",
    "dead_letter": "See why it gave up, then replay.",
    "ambiguous": "Merge the records in the system, then replay.",
    "in_doubt": "None: the hub looks for it by itself.",
}
SAID = {
    "exception.closed": "is up for a new consent in the next plan, if it still differs then.",
    "replay.requested": "is read again in the next cycle; the exception closes when it keeps its contract.",
}
FOUND = """
SELECT e.*, l.entity, l.hub_id, l.field, l.base, l.want, l.money, l.currency, l.line_id FROM exception AS e
LEFT JOIN (SELECT *, concat_ws(' ', system, object, coalesce(record_id, hub_id), coalesce(field, 'create')) AS about FROM line
  QUALIFY row_number() OVER (PARTITION BY about ORDER BY line_id) = 1) AS l ON l.about = e.subject
WHERE (? = '' OR e.owner = ?) AND (? = '' OR e.kind = ?)
ORDER BY e.opened_at, e.id LIMIT ? OFFSET ?"""


def page(desk: Desk) -> Page:
    """What is open, the oldest first."""
    owner, kind = desk.query.get("owner", ""), desk.query.get("kind", "")
    groups = desk.rows("SELECT owner, kind, count(*) AS exceptions FROM exception GROUP BY owner, kind ORDER BY owner, kind")
    total = sum(each["exceptions"] for each in groups if owner in ("", each["owner"]) and kind in ("", each["kind"]))
    part = Slice(desk.number("page"), total, "/exceptions", {"owner": owner, "kind": kind})
    found = desk.rows(FOUND, [owner, owner, kind, kind, PAGE, part.offset])
    names = desk.names(found)
    rows = [_trouble(desk, row) | {"name": names.get(row["hub_id"], "")} for row in found]
    return Page(
        "exceptions.html", {"rows": rows, "groups": groups, "owner": owner, "kind": kind, "part": part, "link": link, "shown": desk.shown}
    )


def replay(desk: Desk) -> Go:
    """Do it again safely: read again what was quarantined, put up for a new consent what was not written."""
    row = desk.one("SELECT * FROM exception WHERE id = ?", [str(desk.form.get("id", ""))])
    if not row:
        raise Refused("this exception is closed by now; load the list again")
    for event in again.request(desk.journal, row["subject"], desk.actor):
        said = SAID[event.kind]
    return Go("/exceptions", f"{row['subject']} {said}")


def _trouble(desk: Desk, row: dict[str, Any]) -> dict[str, Any]:
    """A message reads `where: cause; next step`. For a moved target the cause says what a person wrote."""
    known = bool(row["entity"])
    hidden = known and shown.is_sensitive(row["entity"], row["field"]) and not desk.shown
    cause, _, step = row["message"].removeprefix(f"{row['subject']}: ").rpartition("; ")
    cause, moved, values = (cause or step).partition("target moved: ")
    return row | {
        "cause": f"{cause}somebody wrote there since the plan was made" if moved else cause,
        "wrote": says.DOTS if hidden and values else values,
        "step": NEXT_STEP.get(row["kind"], step),
        "wanted": says.parts(row["entity"], row["want"], desk.shown) if known else [],
        "can_replay": row["kind"] in ("quarantine", *again.HELD) and not row["replayed_by"],
    }
