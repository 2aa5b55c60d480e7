"""Discrepancies between the systems, grouped and listed; also those that no correction exists for."""

import json
from decimal import Decimal
from typing import Any

from hub.errors import Refused
from reconcile.web import says
from reconcile.web.desk import PAGE, Desk, Go, Page, Slice, link

FILTERS = ("class", "entity", "system", "owner")
MATCHES = " AND ".join(f"(? = '' OR f.{name} = ?)" for name in FILTERS)
GROUPS = f"""
SELECT f.class, f.entity, f.system, f.owner, f.currency, count(*) AS discrepancies, sum(f.money) AS money, min(c.opened_at) AS oldest_at,
  count(w.discrepancy_id) AS waived
FROM discrepancy.found AS f LEFT JOIN journal.open_case AS c ON c.id = f.id LEFT JOIN waiver AS w ON w.discrepancy_id = f.id
WHERE {MATCHES} GROUP BY f.class, f.entity, f.system, f.owner, f.currency ORDER BY f.class, f.entity, f.system, f.owner, f.currency"""
LISTED = f"""
SELECT f.*, c.opened_at, w.reason, w.actor AS waived_by
FROM discrepancy.found AS f LEFT JOIN journal.open_case AS c ON c.id = f.id LEFT JOIN waiver AS w ON w.discrepancy_id = f.id
WHERE {MATCHES} ORDER BY coalesce(f.money, 0) DESC, f.id LIMIT {PAGE} OFFSET ?"""

KNOWN = """
SELECT 1 AS known FROM line WHERE discrepancy_id = ? UNION ALL SELECT 1 FROM discrepancy.found WHERE id = ?
UNION ALL SELECT 1 FROM waiver WHERE discrepancy_id = ?"""


def page(desk: Desk) -> Page:
    """Groups of discrepancies, and those of the chosen ones with the most money first."""
    asked = {name: desk.query.get(name, "") for name in FILTERS}
    values = [value for name in FILTERS for value in (asked[name],) * 2]
    groups = desk.rows(GROUPS, values)
    part = Slice(desk.number("page"), sum(group["discrepancies"] for group in groups), "/discrepancies", asked)
    rows = desk.rows(LISTED, [*values, part.offset])
    names = desk.names(rows)
    told = [_row(desk, row) | {"name": names.get(row["hub_id"], "")} for row in rows]
    return Page("discrepancies.html", {"groups": groups, "rows": told, "asked": asked, "part": part, "link": link, "shown": desk.shown})


def waive(desk: Desk) -> Go:
    """Journal that a discrepancy is accepted, and why; or that it no longer is."""
    discrepancy, reason, lift = str(desk.form.get("discrepancy", "")), str(desk.form.get("reason", "")).strip(), bool(desk.form.get("lift"))
    if not lift and not reason:
        raise Refused("a waiver needs a reason that the next reader understands; go back and give one")
    if not desk.one(KNOWN, [discrepancy] * 3):
        raise Refused("this discrepancy is not in the newest cut; load the page again")
    desk.note("discrepancy.waived", discrepancy, {"reason": None if lift else reason})
    said = "The waiver is lifted; the next plan corrects it again." if lift else "Waived. No plan corrects it until the waiver is lifted."
    return Go(desk.back, said)


def _row(desk: Desk, row: dict[str, Any]) -> dict[str, Any]:
    name = row["entity"]
    return row | {
        "before": _parts(desk, name, row["said"]),
        "after": _parts(desk, name, row["should"]),
        "url": f"/entity/{name}/{row['hub_id']}",
    }


def _parts(desk: Desk, name: str, text: str | None) -> list[tuple[str, str]]:
    """Sums are of no column of the entity, and are told as they are."""
    found = json.loads(text, parse_float=Decimal) if text else {}
    return says.parts(name, text, desk.shown) if isinstance(found, dict) else [("", says.said(found))]
