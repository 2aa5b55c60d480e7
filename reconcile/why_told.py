"""An explained match as text for a terminal and as a dict for a machine."""

from typing import Any

from reconcile import shown, why_flip
from reconcile.why_evidence import Step
from reconcile.why_flip import Flip
from reconcile.why_match import Match

WIDE = 32  # letters of the waterfall
MOST = 6  # flips told in words; all with --json


def lines(match: Match) -> list[str]:
    """The answer, line by line: what the two are, the rule, the waterfall, what would reverse it."""
    refs = match.left, match.right
    told = [f"{match.of} {shown.record(ref)}{_called(match, ref)}   {hub_id or 'no hub id'}" for ref, hub_id in zip(refs, match.hub_ids)]
    told.append(f"{'one' if match.together else 'two'}: {match.rule.says}")
    if match.outcome:
        told += ["", *_waterfall(match)]
    if match.kin and match.rule.name == "cluster":
        told += ["", match.kin.says, *(f"  {each.says}" for each in match.kin.because)]
    return [*told, *_reversed(match)] if match.outcome or match.flips else told


def _called(match: Match, ref: str) -> str:
    return f' "{match.names[ref]}"' if match.names.get(ref) else ""


def _waterfall(match: Match) -> list[str]:
    totals = [0.0, *(step.total for step in match.steps), match.link]
    low, high = min(totals), max(totals)
    head = f"weight {match.outcome.weight:.2f}, odds that they are one: {chance(match.outcome.weight)}; linked from {match.link:g} on, asked from {match.review:g} on"
    before = [0.0, *(step.total for step in match.steps)]
    return [
        head,
        *(f"  {_step(step)} {_bar(start, step.total, low, high)} {_compared(step)}".rstrip() for start, step in zip(before, match.steps)),
    ]


def _step(step: Step) -> str:
    return f"{step.comparison:<14}{step.weight:+8.2f}{step.total:+9.2f} "


def _bar(start: float, end: float, low: float, high: float) -> str:
    """Where a step leads, on an axis that all steps share: █ for, ░ against."""
    place = lambda value: round((value - low) / (high - low or 1) * WIDE)
    first, last = sorted((place(start), place(end)))
    mark = "█" if end >= start else "░"
    return (" " * first + mark * max(last - first, int(start != end))).ljust(WIDE + 1)


def _compared(step: Step) -> str:
    if step.comparison == "start":
        return step.level
    one, other = step.said()
    term = f", its frequency {step.term:+.2f}" if step.term else ""
    return f"{step.level}: {one} | {other}" + (f"   m {step.m:.4g}, u {step.u:.4g}{term}" if step.m else "")


def chance(weight: float) -> str:
    """The probability that a weight stands for."""
    share = 1 / (1 + 2**-weight) if weight > -500 else 0.0
    return "over 99.9 %" if share > 0.999 else "under 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"


def _reversed(match: Match) -> list[str]:
    told = [f"  {why_flip.says(each, match.names)}" for each in match.flips[:MOST]]
    more = len(match.flips) - MOST
    none = f"  no change of {why_flip.MOST_CHANGES} pieces of evidence does"
    said = [f"  {why_flip.says(each, match.names)}" for each in match.decisions]
    return [
        "",
        "what would reverse it, applied and seen:",
        *(told or [none]),
        *([f"  … and {more} more; all of them with --json"] if more > 0 else []),
        *said,
    ]


def as_dict(match: Match) -> dict[str, Any]:
    """The same for a machine; the keys are those of docs/explain.md. Sensitive values are hidden."""
    outcome = match.outcome
    sides = {
        side: {"record_ref": ref, "hub_id": hub_id, "name": match.names.get(ref)}
        for side, ref, hub_id in zip(("left", "right"), (match.left, match.right), match.hub_ids)
    }
    return {
        "question": "match",
        "entity": match.of,
        **sides,
        "together": match.together,
        "rule": {"name": match.rule.name, "says": match.rule.says, **match.rule.facts},
        "verdict": outcome and outcome.verdict,
        "match_weight": outcome and outcome.weight,
        "probability": outcome and (1 / (1 + 2**-outcome.weight) if outcome.weight > -500 else 0.0),
        "link": match.link,
        "review": match.review,
        "steps": [vars(step) for step in match.steps],
        "because": match.kin and match.kin.as_dict(),
        "flips": [_flip(each, match) for each in match.flips],
        "decisions": [_flip(each, match) for each in match.decisions],
    }


def _flip(flip: Flip, match: Match) -> dict[str, Any]:
    changes = [{"what": each.what, "to": each.to, "records": sorted(each.sets), "columns": list(each.columns)} for each in flip.changes]
    after = flip.after
    return {
        "says": why_flip.says(flip, match.names),
        "changes": changes,
        "checked": True,
        "weight_before": flip.before.weight,
        "weight_after": after.weight,
        "verdict_after": after.verdict,
        "together_after": after.together,
    }
