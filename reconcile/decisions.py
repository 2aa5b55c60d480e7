"""The decisions that stand, one row each: who, when, what, why, and whether it binds."""

from typing import Any

import polars as pl

from hub import projection
from reconcile import contradiction
from reconcile.steward import Steward

COLUMNS = ("decision", "command", "entity", "said", "state", "reason", "actor", "at")


def standing(steward: Steward) -> list[dict[str, Any]]:
    """The newest first. state: stands, waits (it contradicts an older one), evidence changed (look again), or the day a pin ends."""
    words, pins = steward.spoken(projection.STANDING, "match.decided"), steward.spoken(projection.HOLDING, "value.pinned")
    rows = [_decision(steward, *each) for each in words.group_by("decision", maintain_order=True)]
    rows += [_pin(row) for row in pins.to_dicts()]
    return sorted(rows, key=lambda row: (row["at"], row["decision"]), reverse=True)


def _decision(steward: Steward, key: tuple, words: pl.DataFrame) -> dict[str, Any]:
    first = words.row(0, named=True)
    others = f" and {len(words) - 1} more" if len(words) > 1 else ""
    return {name: first[name] for name in ("decision", "command", "entity", "reason", "actor", "at")} | {
        "said": _phrase(first) + others,
        "state": _state(steward, words),
    }


def _phrase(row: dict[str, Any]) -> str:
    pair = (row["left_ref"], row["right_ref"])
    return contradiction.PHRASES[row["verdict"]].format(*(pair if row["subject_ref"] in (None, pair[0]) else pair[::-1]))


def _state(steward: Steward, words: pl.DataFrame) -> str:
    decision, seqs = words.item(0, "decision"), words.get_column("seq").to_list()
    if steward.connection.execute("SELECT 1 FROM journal.exception WHERE kind = 'contradiction' AND subject = ?", [decision]).fetchone():
        return "waits"
    reopened = steward.connection.execute("SELECT 1 FROM work.reopened WHERE list_contains(?, seq) LIMIT 1", [seqs]).fetchone()
    return "evidence changed" if reopened else "stands"


def _pin(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("decision", "entity", "reason", "actor", "at")} | {
        "command": "pin",
        "said": f"{row['column_name']} of {row['record_ref']} is {'empty' if row['value'] is None else row['value']}",
        "state": f"until {row['until']}" if row["until"] else "stands",
    }
