"""Consent: which lines each policy covers, within its limits; and what a person consents to at once."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from hub import door
from hub.journal import Event
from reconcile.in_force import InForce

CHUNK = 1_000  # lines in one journal event


def covered(lines: Iterable, in_force: InForce, withdrawn: set[str]) -> dict[str, list[str]]:
    """The lines that each policy approves, {its title: line ids}. Where a person took consent back, only a person can give it again.

    A policy that covers more lines of the plan than its limit approves none: a person reads why there are so many.
    """
    specs = {policy.title: policy.model_dump(mode="json") for policy in in_force.policies}
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.status == "needs_consent" and line.line_id not in withdrawn:
            title = next((title for title, spec in specs.items() if door.covers(spec, line._asdict(), in_force.roles)), None)
            if title:
                found.setdefault(title, []).append(line.line_id)
    most = {title: spec["limit"]["lines"] for title, spec in specs.items()}
    return {title: ids for title, ids in found.items() if most[title] is None or len(ids) <= most[title]}


def approvals(plan_hash: str, found: Mapping[str, list[str]]) -> list[Event]:
    """The consent of policies as the journal holds it."""
    return [
        Event("plan.approved", plan_hash, {"lines": ids[at : at + CHUNK], "policy": title}, "policy")
        for title, ids in found.items()
        for at in range(0, len(ids), CHUNK)
    ]


def summary(lines: Sequence) -> dict[str, Any]:
    """What these lines are: how many of what with the money at stake, and the worst of them in words.

    The worst is the one with the most at stake; among equals one that empties a field, then one that needs two persons.
    """
    key = lambda line: (line.system, line.object, line.field or line.action, line.currency or "")
    groups = [
        {"system": system, "object": name, "what": what, "currency": currency or None, **_counted(list(found))}
        for (system, name, what, currency), found in groupby(sorted(lines, key=key), key)
    ]
    worst = max(lines, key=lambda line: (line.money or 0, door.empties(line._asdict()), line.eyes, line.line_id), default=None)
    return {"groups": groups, "worst": _told(worst) if worst else "nothing"}


def _counted(lines: list) -> dict[str, Any]:
    return {"lines": len(lines), "money": sum(line.money for line in lines if line.money) or None}


def _told(line) -> str:
    money = f" ({line.currency} {line.money:,.2f} at stake)" if line.money else ""
    return f"{line.about}: {line.base or 'new'} -> {line.want}{money}"
