"""Why two records are one or not, with what would reverse it: the page of `hub explain match`."""

from hub.errors import NotThere
from reconcile import charts, shown, why_flip, why_match, why_told
from reconcile.web.desk import Desk, Page
from reconcile.web.says import words
from reconcile.why_match import Match


def page(desk: Desk) -> Page:
    """The waterfall, the rule and the smallest changes for the records that `left` and `right` name."""
    name, refs = desk.entity(), sorted(desk.query.get(side, "") for side in ("left", "right"))
    known = desk.one(f"SELECT count(*) AS n FROM canonical.{name} WHERE record_ref IN (?, ?)", refs)["n"]
    if known != 2 or not desk.rules.is_resolved(name):
        raise NotThere(f"{refs[0]} and {refs[1]} are not two records of {name} that are weighed, in the newest cut; go back to the queue")
    match = why_match.of_pair(desk.connection, name, *refs, desk.rules)
    return Page(
        "why.html",
        {
            "entity": name,
            "match": match,
            "records": [
                {"ref": ref, "name": match.names.get(ref), "where": shown.record(ref), "hub_id": hub_id}
                for ref, hub_id in zip(refs, match.hub_ids)
            ],
            "picture": _picture(match) if match.steps else None,
            "steps": [vars(step) | {"values": step.said()} for step in match.steps],
            "flips": [why_flip.says(each, match.names) for each in match.flips[: why_told.MOST]],
            "decisions": [why_flip.says(each, match.names) for each in match.decisions],
        },
    )


def _picture(match: Match):
    before = [0.0, *(step.total for step in match.steps)]
    rows = [(words(step.comparison), start, step.total, f"{step.weight:+.1f}") for step, start in zip(match.steps, before)]
    says = ", ".join(f"{label} {said}" for label, _, _, said in rows)
    return charts.waterfall("waterfall", "What each comparison adds to the weight", f"{says}; in all {match.outcome.weight:+.1f}", rows)
