"""An explained golden value as text for a terminal and as a dict for a machine."""

from typing import Any

from reconcile import shown, why_value_flip
from reconcile.why_value import Cell, Value, told
from reconcile.why_value_flip import Flip

MOST = 10  # flips told in words; all with --json


def lines(value: Value, flips: list[Flip], pins: list[Flip]) -> list[str]:
    """The answer, line by line: the value, who says what and why it won or lost, what would make another win."""
    found = [f"{value.of} {value.hub_id} {value.field} = {value.said}", value.rule, *(f"  {_cell(cell, value)}" for cell in value.cells)]
    said = [f"  {why_value_flip.says(flip, value)}" for flip in (*flips[:MOST], *pins)]
    more = [f"  … and {len(flips) - MOST} more; all of them with --json"] if len(flips) > MOST else []
    return [*found, "", "what would make another value win, applied and seen:", *said, *more] if said else found


def _cell(cell: Cell, value: Value) -> str:
    mark = "won " if cell.is_winner else "–   " if cell.value is None else "same" if cell.value == value.won else "lost"
    where = "a steward" if cell.record_ref == "pin" else shown.record(cell.record_ref)
    return f"{mark}  {where}: {told(value.of, value.field, cell.value)} · {cell.reason}"


def as_dict(value: Value, flips: list[Flip], pins: list[Flip]) -> dict[str, Any]:
    """The same for a machine; the keys are those of docs/explain.md. Sensitive values are hidden."""
    cells = [vars(cell) | {"value": cell.value and told(value.of, value.field, cell.value)} for cell in value.cells]
    return {
        "question": "value",
        "entity": value.of,
        "hub_id": value.hub_id,
        "field": value.field,
        "value": value.said,
        "from": value.given,
        "rule": value.rule,
        "cells": cells,
        "flips": [_flip(flip, value) for flip in flips],
        "decisions": [_flip(flip, value) for flip in pins],
    }


def _flip(flip: Flip, value: Value) -> dict[str, Any]:
    changes = [
        {"what": each.what, "record_ref": each.record_ref or None, "to": each.to if each.what == "state" else None} for each in flip.changes
    ]
    after = flip.value and told(value.of, value.field, flip.value)
    return {"says": why_value_flip.says(flip, value), "changes": changes, "checked": True, "value_after": after, "from_after": flip.given}
