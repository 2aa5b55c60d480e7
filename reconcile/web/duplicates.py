"""Possible duplicates: pairs that a steward decides, side by side with their evidence, one key each."""

import json
from typing import Any

from hub.errors import NotThere, Refused
from reconcile import decide as decisions
from reconcile.web import clusters, says
from reconcile.web.desk import Desk, Go, Page, link
from reconcile.web.home import waiting

VERDICTS = ("same", "different")
NEXT = 8  # pairs listed beside the one on the page

# What rests on a cluster, as money in the firm's own currency: the order of the queue, not an amount to book.
QUEUE = """
WITH rests AS (SELECT hub_id, sum(money) AS money FROM ({rests}) GROUP BY hub_id),
picked AS (
  SELECT p.left_ref, p.right_ref, p.match_weight, p.evidence, p.has_unequal_key, l.hub_id AS left_hub, r.hub_id AS right_hub,
    coalesce(a.money, 0) + CASE WHEN l.hub_id = r.hub_id THEN 0 ELSE coalesce(b.money, 0) END AS rests
  FROM (
    FROM identity.{entity}_pair UNION ALL BY NAME
    SELECT left_ref, right_ref, 0 AS match_weight, '{{}}' AS evidence, FALSE AS has_unequal_key, 'none' AS verdict
    FROM work.reopened WHERE entity = '{entity}' AND says = 'none'  -- by its evidence, it is no candidate any more
  ) AS p
  JOIN journal.crossref AS l ON l.record_ref = p.left_ref
  JOIN journal.crossref AS r ON r.record_ref = p.right_ref
  LEFT JOIN rests AS a ON a.hub_id = l.hub_id  -- absent when nothing with money refers to it
  LEFT JOIN rests AS b ON b.hub_id = r.hub_id
  WHERE {which}
  ORDER BY rests DESC, p.match_weight DESC, p.left_ref, p.right_ref
  LIMIT {limit} OFFSET {offset}
)
SELECT p.*, {left_name} AS left_name, {right_name} AS right_name
FROM picked AS p
JOIN canonical.{entity} AS l ON l.record_ref = p.left_ref
JOIN canonical.{entity} AS r ON r.record_ref = p.right_ref
ORDER BY p.rests DESC, p.match_weight DESC, p.left_ref, p.right_ref"""
REOPENED = "EXISTS (SELECT 1 FROM work.reopened AS o JOIN decision AS d ON d.seq = o.seq WHERE o.left_ref = p.left_ref AND o.right_ref = p.right_ref)"
UNDECIDED = """
EXISTS (SELECT 1 FROM work.question AS q WHERE q.left_ref = p.left_ref AND q.right_ref = p.right_ref)
AND NOT EXISTS (SELECT 1 FROM decision AS d WHERE d.left_ref = p.left_ref AND d.right_ref = p.right_ref)"""


def entities(desk: Desk) -> Page:
    """Which entities have pairs to decide."""
    return Page("queues.html", {"waiting": waiting(desk)})


def page(desk: Desk) -> Page:
    """The pair at `at` in the queue, or the one that `left` and `right` name."""
    name = desk.entity()
    if not desk.rules.is_matched(name):
        raise NotThere(f"records of {name} are told apart by their own number, so no pairs wait; see Duplicates for those that have some")
    total = next(each["pairs"] for each in waiting(desk) if each["entity"] == name)
    at = min(desk.number("at"), total)
    queue = _pairs(desk, name, f"{UNDECIDED} OR {REOPENED}", [], NEXT, at)
    pair = queue[0] if queue else None
    if left := desk.query.get("left"):
        pair = next(iter(_pairs(desk, name, "p.left_ref = ? AND p.right_ref = ?", [left, desk.query.get("right", "")], 1, 0)), None)
    later = link(f"/duplicates/{name}", at=at + 1 if at + 1 < total else "")
    return Page(
        "duplicates.html",
        {
            "entity": name,
            "total": total,
            "at": at,
            "queue": queue,
            "later": later,
            "shown": desk.shown,
            "pair": _side_by_side(desk, name, pair) if pair else None,
            "decided": _decided(desk, pair) if pair else None,
        },
    )


def decide(desk: Desk) -> Go:
    """Journal what the steward says of a pair."""
    name, verdict = desk.entity(), desk.said("verdict")
    if verdict not in VERDICTS:
        raise Refused(f"{verdict!r} is no answer; press S for the same or D for different")
    made = decisions.pair(desk.steward, desk.said("left_ref"), desk.said("right_ref"), verdict, desk.said("reason"))
    return Go(link(f"/duplicates/{name}", at=desk.said("at")), f"{made.said}. U takes it back.")


def undo(desk: Desk) -> Go:
    """Take back this person's last decision that still stands, all of it."""
    made = decisions.undo(desk.steward)
    left, *right = made.about
    to = link(f"/duplicates/{made.entity}", left=left, right=right[0]) if right else desk.back
    return Go(to, f"Taken back: {made.said}.")


def _pairs(desk: Desk, name: str, which: str, values: list[str], limit: int, offset: int) -> list[dict[str, Any]]:
    named = {f"{side}_name": says.name_sql(desk.rules.entities[name], side[0]) for side in ("left", "right")}
    return desk.rows(QUEUE.format(entity=name, rests=_rests(desk, name), which=which, limit=limit, offset=offset, **named), values)


def _decided(desk: Desk, pair: dict[str, Any]) -> dict[str, Any] | None:
    return desk.one(
        """SELECT d.verdict, d.actor, d.reason, o.seq IS NOT NULL AS is_reopened FROM decision AS d LEFT JOIN work.reopened AS o ON o.seq = d.seq
        WHERE d.left_ref = ? AND d.right_ref = ?""",
        [pair["left_ref"], pair["right_ref"]],
    )


def _rests(desk: Desk, name: str) -> str:
    """SQL: money of everything that refers to a golden row of this entity, in the firm's own currency."""
    found = ["SELECT NULL::TEXT AS hub_id, 0::DECIMAL(18,2) AS money WHERE FALSE"]
    for other, entity in desk.rules.entities.items():
        if entity.at_stake and " * " not in entity.at_stake:
            for field in (field for field, each in entity.fields.items() if each.to == name):
                found.append(
                    f"SELECT {field}_id, {entity.at_stake} FROM golden.{other} WHERE {entity.at_stake}_currency = '{desk.firm.currency}'"
                )
    return " UNION ALL ".join(found)


def _side_by_side(desk: Desk, name: str, pair: dict[str, Any]) -> dict[str, Any]:
    how = desk.rules.matching(name)
    weights = {each: weight for each, weight in json.loads(pair["evidence"]).items() if each in how.comparisons}
    refs = {side: pair[f"{side}_ref"] for side in ("left", "right")}
    keys = {
        row["record_ref"]: row for row in desk.rows(f"SELECT * FROM identity.{name}_key WHERE record_ref IN (?, ?)", list(refs.values()))
    }
    evidence = [
        {"comparison": each, "weight": weight, **{side: _keys(keys, ref, how.comparisons[each].on) for side, ref in refs.items()}}
        for each, weight in sorted(weights.items(), key=lambda item: (-abs(item[1]), item[0]))
    ]
    return pair | {
        "grounds": evidence,
        "prior": how.prior,
        **clusters.compared(desk, name, pair),
        "effects": clusters.effects(desk, name, pair),
    }


def _keys(keys: dict[str, dict], ref: str, names: tuple[str, ...]) -> str:
    return " ".join(str(keys[ref][each]) for each in names if keys.get(ref, {}).get(each)) or "nothing said"
