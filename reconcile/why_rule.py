"""Which rule decided about two records: the first that holds, in the order of docs/identity.md."""

from dataclasses import dataclass, field
from typing import Any

import duckdb
import polars as pl

from reconcile import shown
from reconcile.why_trial import Field, Outcome


@dataclass(frozen=True)
class Rule:
    """The rule that decided, by name and in words.

    name  number, gone, decision, related, equal_key, hub_id, unequal_key, slip, weight, needs, doubt, light, block or cluster
    """

    name: str
    says: str
    facts: dict[str, Any] = field(default_factory=dict)


def gone(connection: duckdb.DuckDBPyConnection, of: str, left: str, right: str) -> Rule | None:
    """Records that are not there any more are matched no longer: they keep the hub id that they had."""
    rows = connection.execute(
        f"SELECT record_ref, merged_ref FROM canonical.{of} WHERE record_ref IN (?, ?) AND NOT is_live ORDER BY 1", [left, right]
    ).fetchall()
    if not rows:
        return None
    told = [
        f"{shown.record(ref)} was merged into {shown.record(into)} there and goes where that goes"
        if into
        else f"{shown.record(ref)} is gone and keeps the hub id that it had"
        for ref, into in rows
    ]
    return Rule("gone", f"{'; '.join(told)}; it is matched no more", {"gone": [ref for ref, _ in rows]})


def decided(connection: duckdb.DuckDBPyConnection, where: Field, outcome: Outcome, together: bool) -> Rule:
    """The rule behind what the two are now."""
    said = _steward(connection, where)
    if said and together == (said.facts["verdict"] == "same"):
        return said
    own = _own(connection, where, outcome)
    if together and outcome.verdict != "link":
        return Rule("cluster", f"by way of other records, though of the two alone: {own.says}", own.facts)
    if not together and (outcome.verdict == "link" or said):
        return _kept_apart(connection, where, own)
    return own


def _steward(connection: duckdb.DuckDBPyConnection, where: Field) -> Rule | None:
    row = connection.execute(
        """
      SELECT d.verdict, e.actor, e.happened_at, e.body ->> 'reason' FROM work.decided AS d JOIN journal.event AS e ON e.seq = d.seq
      WHERE d.left_ref IN ($1, $2) AND d.right_ref IN ($1, $2)""",
        [where.left, where.right],
    ).fetchone()
    if not row:
        return None
    verdict, actor, at, reason = row
    facts = {"verdict": verdict, "decided_by": actor, "decided_at": shown.at(at), "reason": reason}
    return Rule("decision", f"{actor} decided {verdict.replace('_', ' ')} on {shown.at(at)}" + (f": {reason}" if reason else ""), facts)


def _own(connection: duckdb.DuckDBPyConnection, where: Field, outcome: Outcome) -> Rule:
    """The rule for the pair alone, whatever others make of it."""
    equal, unequal, said_same = _keys(where, where.left, where.right)
    weight, how = outcome.weight, where.how
    if outcome.verdict == "forbid" and _is_related(connection, where):
        return Rule("related", "one is the parent of the other: two things, unless a steward says that they are one")
    if equal:
        return Rule("equal_key", f"equal {' and '.join(equal)}", {"keys": equal})
    if said_same:
        return Rule("hub_id", "both records carry the same hub id")
    if outcome.verdict is None:
        blocks = [" + ".join(block) for block in how.blocks]
        return Rule("block", f"never compared: they agree on none of {', '.join(blocks)}", {"blocks": blocks, "keys": unequal})
    if unequal and outcome.verdict == "review":
        return Rule(
            "slip",
            f"{' and '.join(unequal)} {_slip(connection, where)}, and the weight would link: a steward is asked",
            {"keys": unequal},
        )
    if unequal:
        return Rule(
            "unequal_key", f"different {' and '.join(unequal)}: the two never share a hub id unless a steward says so", {"keys": unequal}
        )
    return _by_weight(how, weight, outcome.verdict)


def _slip(connection: duckdb.DuckDBPyConnection, where: Field) -> str:
    """Why strong keys that differ are no proof."""
    tests = ", ".join(f"has_right_check_digits({key})" for key in where.how.checked)
    rows = (
        _about(connection, where, f"SELECT record_ref, list_contains([{tests}], FALSE) FROM asked_key WHERE record_ref IN (?, ?)")
        if tests
        else []
    )
    wrong = [shown.record(ref) for ref, is_wrong in rows if is_wrong]
    return f"differ, and the check digits of {' and '.join(wrong)} are wrong" if wrong else "differ by one slip of the pen"


def _is_related(connection: duckdb.DuckDBPyConnection, where: Field) -> bool:
    """Whether one of the two is the parent of the other."""
    test = f"SELECT coalesce({where.how.apart or 'FALSE'}, FALSE) FROM asked_key AS l, asked_key AS r WHERE l.record_ref = ? AND r.record_ref = ?"
    return _about(connection, where, test) == [(True,)]


def _about(connection: duckdb.DuckDBPyConnection, where: Field, sql: str) -> list[tuple]:
    """What a query of the two records' keys, the table asked_key, gives."""
    connection.register("asked_key", where.keys)
    rows = connection.execute(sql, [where.left, where.right]).fetchall()
    connection.unregister("asked_key")
    return rows


def _by_weight(how, weight: float, verdict: str) -> Rule:
    facts = {"link": how.link, "review": how.review}
    if verdict == "link":
        return Rule("weight", f"weight {weight:.1f} is at least {how.link:g}, from which on records are linked", facts)
    if weight >= how.link:
        return Rule(
            "needs",
            f"weight {weight:.1f} would link, but {' or '.join(' with '.join(group) for group in how.needs)} speaks against it: a steward is asked",
            facts | {"needs": [list(group) for group in how.needs]},
        )
    if verdict == "review":
        return Rule("doubt", f"weight {weight:.1f} is between {how.review:g} and {how.link:g}: a steward is asked", facts)
    return Rule("light", f"weight {weight:.1f} is below {how.review:g}, from which on a steward is asked", facts)


def _keys(where: Field, left: str, right: str) -> tuple[list[str], list[str], bool]:
    """Strong keys that are equal, those that differ, and whether both records carry the same hub id."""
    one, other = where.row(left), where.row(right)
    both = [key for key in where.strong if one[key] is not None and other[key] is not None]
    said = one["hub_id_said"] is not None and one["hub_id_said"] == other["hub_id_said"]
    return [key for key in both if one[key] == other[key]], [key for key in both if one[key] != other[key]], said


def _kept_apart(connection: duckdb.DuckDBPyConnection, where: Field, own: Rule) -> Rule:
    """Two records that would be linked, and are not: what else is in their clusters speaks against it, or nothing but a weak link for it."""
    rows = connection.execute(
        """
      WITH tie AS (SELECT record_ref, hub_id FROM journal.crossref WHERE hub_id IN (SELECT hub_id FROM journal.crossref WHERE record_ref IN (?, ?)))
      SELECT l.record_ref, r.record_ref FROM tie AS l JOIN tie AS r ON l.record_ref < r.record_ref AND l.hub_id <> r.hub_id ORDER BY ALL""",
        [where.left, where.right],
    ).fetchall()
    against = [pair for pair in rows if _speaks_against(where, *pair)]
    facts = own.facts | {"apart": [list(pair) for pair in against]}
    if against:
        told = ", ".join(f"{shown.record(left)} and {shown.record(right)}" for left, right in against[:3])
        return Rule("cluster", f"{own.says}; but their clusters hold records that must stay apart: {told}", facts)
    return Rule(
        "cluster", f"{own.says}; but a weak link alone would hold two groups together, or too many records: a steward is asked", facts
    )


def _speaks_against(where: Field, left: str, right: str) -> bool:
    """Whether strong keys of two records differ and none is equal, or a steward said that they are different."""
    said = where.decisions.filter((pl.col("left_ref") == left) & (pl.col("right_ref") == right)).get_column("verdict").to_list()
    live = where.keys.filter(pl.col("record_ref").is_in([left, right]))
    if said or len(live) < 2:
        return bool(said) and said != ["same"]
    equal, unequal, said_same = _keys(where, left, right)
    return bool(unequal) and not equal and not said_same
