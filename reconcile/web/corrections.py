"""The plan: lines with before, after and why; consent by plan hash, consent taken back."""

from dataclasses import replace
from typing import Any

from hub.errors import Refused
from reconcile import plan, shown
from reconcile.web import says
from reconcile.web.desk import PAGE, Desk, Go, Page, Slice, link

STATES = {
    "needs_consent": "needs consent",
    "approved": "consented",
    "held": "held",
    "released": "up for consent next cycle",
    "sent": "on its way",
    "waived": "waived",
}
FILTERS = ("state", "system", "object", "action", "field")
MATCHES = " AND ".join(f"(? = '' OR coalesce({'l.' + name}, '') = ?)" for name in FILTERS)
ORDER = "coalesce(l.money, 0) DESC, l.system, l.object, l.record_id, l.hub_id, l.field, l.line_id"

LINES = f"""
SELECT l.*, w.reason, w.actor AS waived_by FROM line AS l LEFT JOIN waiver AS w ON w.discrepancy_id = l.discrepancy_id
WHERE {MATCHES} ORDER BY {ORDER} LIMIT {PAGE} OFFSET ?"""
GROUPS = f"""
SELECT system, object, action, field, state, count(*) AS lines FROM line AS l WHERE {MATCHES}
GROUP BY ALL ORDER BY system, object, action, field, state"""
SUMS = f"SELECT currency, sum(money) AS money FROM line AS l WHERE {MATCHES} AND money IS NOT NULL GROUP BY currency ORDER BY currency"


def page(desk: Desk, notice: str = "", status: int = 200) -> Page:
    """The plan of the newest cut, filtered; lines that need consent unless something else is asked for."""
    asked = {name: desk.query.get(name, "") for name in FILTERS}
    chosen = asked if any(asked.values()) else asked | {"state": "needs_consent"}
    values = [value for name in FILTERS for value in (chosen[name],) * 2]
    groups = desk.rows(GROUPS, [value for name in FILTERS for value in ("" if name == "state" else chosen[name],) * 2])
    total = sum(group["lines"] for group in groups if chosen["state"] in ("", group["state"]))
    part = Slice(desk.number("page"), total, "/plan", chosen)
    rows = desk.rows(LINES, [*values, part.offset])
    names = desk.names(rows)
    lines = [_line(desk, row) | {"name": names.get(row["hub_id"], "")} for row in rows]
    by_state = {row["state"]: row["lines"] for row in desk.rows("SELECT state, count(*) AS lines FROM line GROUP BY state")}
    waiting = sum(group["lines"] for group in groups if group["state"] == "needs_consent")
    return Page(
        "plan.html",
        {
            "hash": plan.read(desk.connection).hash,
            "lines": lines,
            "groups": groups,
            "chosen": chosen,
            "part": part,
            "sums": desk.rows(SUMS, values),
            "by_state": by_state,
            "states": STATES,
            "notice": notice,
            "shown": desk.shown,
            "link": link,
            "waiting_here": waiting,
        },
        status,
    )


def approve(desk: Desk) -> Page | Go:
    """Consent to the chosen lines, or to all of the filter; refused when the plan is another than the one on the page."""
    present = _as_decided(desk)
    wanted = _in_filter(desk) if desk.form.get("all") else desk.form.getlist("line")
    if not wanted:
        return page(_filtered(desk), "No line was chosen, and nothing was consented to. Tick lines first.", 409)
    try:
        count = plan.approve(desk.journal, present, str(desk.form.get("hash", "")), desk.actor, wanted)
    except Refused as refused:
        notice = f"Nothing was consented to: {refused}. Below is the plan as it is now; what you had ticked has to be read again."
        return page(_filtered(desk), notice, 409)
    return Go(desk.back, f"You consented to {count} lines of plan {present.hash}. The next cycle pushes them.")


def withdraw(desk: Desk) -> Go:
    """Take consent back, if nothing was sent yet."""
    line = desk.one("SELECT * FROM line WHERE line_id = ?", [str(desk.form.get("line", ""))])
    if not line or line["state"] != "approved":
        raise Refused("this line is not waiting for its push any more, so consent can't be taken back; see its record for what was sent")
    if line["policy"]:
        raise Refused(f"policy {line['policy']} consented to this line and would do so again; waive the discrepancy, or change the policy")
    plan.withdraw(desk.journal, str(desk.form.get("hash", "")), desk.actor, [line["line_id"]])
    return Go(desk.back, "Consent is taken back. A push that had begun in that very moment still ends; the record then says so.")


def _as_decided(desk: Desk) -> plan.Plan:
    """The sealed lines with what was decided since; the hash stays that of what was read."""
    states = {row["line_id"]: row["state"] for row in desk.rows("SELECT line_id, state FROM line")}
    return plan.Plan(tuple(line._replace(status=states[line.line_id]) for line in plan.read(desk.connection).lines))


def _in_filter(desk: Desk) -> list[str]:
    values = [value for name in FILTERS for value in ("needs_consent" if name == "state" else str(desk.form.get(name, "")),) * 2]
    return [row["line_id"] for row in desk.rows(f"SELECT line_id FROM line AS l WHERE {MATCHES} ORDER BY line_id", values)]


def _filtered(desk: Desk) -> Desk:
    """The desk as if the page of the form had been asked for."""
    return replace(desk, query={name: str(desk.form.get(name, "")) for name in FILTERS})


def _line(desk: Desk, row: dict[str, Any]) -> dict[str, Any]:
    name, field = row["entity"], row["field"]
    before, after = (says.parts(name, row[side], desk.shown) for side in ("base", "want"))
    hold = shown.HIDDEN if row["hold"] and shown.is_sensitive(name, field) and not desk.shown else row["hold"]
    return row | {
        "before": before,
        "after": after,
        "hold": hold,
        "url": f"/entity/{name}/{row['hub_id']}",
        "record": row["record_id"] or "new",
        "what": says.words(field or row["action"]),
    }
