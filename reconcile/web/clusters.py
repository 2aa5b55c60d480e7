"""Two clusters side by side: the values of all their records, and what a link between them would do."""

from typing import Any
from urllib.parse import quote

from hub.entity import Field
from reconcile.web import says
from reconcile.web.desk import Desk

MANY = 12  # records of a cluster on one page


def compared(desk: Desk, name: str, pair: dict[str, Any]) -> dict[str, Any]:
    """The records of both clusters as columns, the pair itself first, and the fields as rows with differing parts."""
    left, right = (members(desk, name, pair[f"{side}_hub"], pair[f"{side}_ref"]) for side in ("left", "right"))
    if pair["left_hub"] == pair["right_hub"]:  # one cluster already: each record once
        left, right = left[:1], [right[0], *(each for each in right[1:] if each["record_ref"] != pair["left_ref"])]
    records = [left[0], right[0], *left[1:], *right[1:]]
    sides = ["left", "right", *["left"] * (len(left) - 1), *["right"] * (len(right) - 1)]
    return {"records": [heading(each) | {"side": side} for each, side in zip(records, sides)], "fields": fields(desk, name, records)}


def members(desk: Desk, name: str, hub_id: str, first: str = "") -> list[dict[str, Any]]:
    """The live records of a cluster, one of them first."""
    return desk.rows(
        f"""SELECT * FROM identity.{name} WHERE hub_id = ? AND (is_live OR record_ref = ?)
      ORDER BY record_ref <> ?, record_ref LIMIT {MANY}""",
        [hub_id, first, first],
    )


def fields(desk: Desk, name: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a column that any record fills: its cells in pieces, the parts of the first two that differ marked."""
    found = []
    for column in (column for field, known in desk.rules.entities[name].fields.items() for column in value_columns(field, known)):
        raw = [each.get(column) for each in records]
        if any(value is not None for value in raw):
            texts = [says.told(name, column, value, desk.shown) for value in raw]
            verdict = "one side" if None in raw[:2] else "equal" if raw[0] == raw[1] else "differs"
            # Masked values differ where nobody can see it: the word says so.
            pair = says.differing(*texts[:2]) if verdict == "differs" else [[(text, False)] for text in texts[:2]]
            found.append({"column": column, "cells": [*pair, *([(text, False)] for text in texts[2:])], "verdict": verdict})
    return found


def value_columns(field: str, known: Field) -> list[str]:
    """The columns of a field that hold values, in identity and golden: references are hub ids there."""
    return [f"{field}_id"] if known.type == "reference" else list(known.columns(field))


def effects(desk: Desk, name: str, pair: dict[str, Any]) -> list[str]:
    """What linking the pair would do, one sentence each."""
    if pair["left_hub"] == pair["right_hub"]:
        return [f"Both are {pair['left_hub']} already, through other records. Same confirms it; different takes them apart."]
    left, right = (members(desk, name, pair[f"{side}_hub"]) for side in ("left", "right"))
    # The rule of reconcile.identity.carry_ids: the larger part keeps the id, of equal parts the one with the smallest record.
    kept, lost = sorted((left, right), key=lambda side: (-len(side), side[0]["record_ref"]))
    found = [
        f"{len(left) + len(right)} records become one {says.words(name)}, {kept[0]['hub_id']}; {lost[0]['hub_id']} leads there from then on."
    ]
    twice = sorted({f"{each['system']} {each['object']}" for each in left} & {f"{each['system']} {each['object']}" for each in right})
    found += [f"{', '.join(twice)} then hold{'s' * (len(twice) == 1)} it more than once: duplicates to merge there."] if twice else []
    if pair["has_unequal_key"]:
        strong = ", ".join(says.words(each) for each in desk.rules.entities[name].identity.strong)
        found.append(f"They carry different {strong}: one of them must be wrong, and your word outranks it.")
    refs = [[each["record_ref"] for each in side] for side in (left, right)]
    parted = desk.one(
        """SELECT actor FROM decision WHERE verdict = 'different' AND (list_contains(?, left_ref) AND list_contains(?, right_ref)
      OR list_contains(?, left_ref) AND list_contains(?, right_ref)) ORDER BY seq DESC LIMIT 1""",
        [*refs, *reversed(refs)],
    )
    if parted:
        found.append(
            f"{parted['actor']} said that two other records of these are different; these two are then linked as far as that allows."
        )
    return found


def heading(record: dict[str, Any]) -> dict[str, str]:
    """What stands above a record's values."""
    return {
        "ref": record["record_ref"],
        "url": record_url(record),
        "system": record["system"],
        "object": record["object"],
        "id": record["record_id"],
    }


def record_url(record: dict[str, Any]) -> str:
    return f"/record/{record['system']}/{record['object']}/{quote(record['record_id'], safe='')}"
