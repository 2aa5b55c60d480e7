"""Why two records are one: a steward's decision, an equal number, or the evidence of a pair, directly or by way of others."""

import json
from collections import deque

import duckdb

from hub import entity
from reconcile import shown
from reconcile.chain import Link


def why_one(connection: duckdb.DuckDBPyConnection, of: str, ref: str, other: str) -> Link:
    """The reasons for which two records of an entity share a hub id."""
    identity = entity.all_entities()[of].identity
    if not identity.evidence and (_equal_keys(connection, of, ref, other) or not identity.fallback):
        number = ", ".join(identity.strong) or "record id"
        return Link(
            "identity", f"one with {shown.record(other)}: both carry the same {number}", facts={"record_ref": other, "strong": number}
        )
    path = _path(_links(connection, of, ref), ref, other)
    if not path:
        return Link(
            "identity",
            f"one with {shown.record(other)}: by an earlier match; one of them is gone, or their evidence is",
            facts={"record_ref": other},
        )
    steps = tuple(_step(connection, of, left, right) for left, right in zip(path, path[1:]))
    return (
        steps[0]
        if len(steps) == 1
        else Link("identity", f"one with {shown.record(other)} by way of {len(path) - 2} others", steps, {"record_ref": other})
    )


def _links(connection: duckdb.DuckDBPyConnection, of: str, ref: str) -> list[tuple[str, str]]:
    """Pairs that hold a record's cluster together: linked by evidence and parted by no steward, linked by a steward, or merged in their system."""
    return connection.execute(
        f"""
      WITH member AS (SELECT record_ref FROM journal.crossref WHERE hub_id = (SELECT hub_id FROM journal.crossref WHERE record_ref = ?)),
      link AS (
        SELECT left_ref, right_ref FROM identity.{of}_pair AS p WHERE verdict = 'link' AND NOT EXISTS (
          SELECT 1 FROM work.decided AS d WHERE d.left_ref = p.left_ref AND d.right_ref = p.right_ref AND d.verdict <> 'same')
        UNION SELECT left_ref, right_ref FROM work.decided WHERE verdict = 'same'
        UNION SELECT record_ref, merged_ref FROM canonical.{of} WHERE merged_ref IS NOT NULL)
      SELECT left_ref, right_ref FROM link WHERE left_ref IN (SELECT record_ref FROM member) AND right_ref IN (SELECT record_ref FROM member) ORDER BY ALL""",
        [ref],
    ).fetchall()


def _path(links: list[tuple[str, str]], start: str, end: str) -> list[str]:
    """The shortest way over links; empty when there is none."""
    near: dict[str, list[str]] = {}
    for left, right in links:
        near.setdefault(left, []).append(right)
        near.setdefault(right, []).append(left)
    came, waiting = {start: start}, deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for there in near.get(here, ()):
            if there not in came:
                came[there] = here
                waiting.append(there)
    path = [end] if end in came else []
    while path and path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]


def _step(connection: duckdb.DuckDBPyConnection, of: str, ref: str, other: str) -> Link:
    merged = connection.execute(
        f"SELECT record_ref, merged_ref FROM canonical.{of} WHERE record_ref IN ($1, $2) AND merged_ref IN ($1, $2)", [ref, other]
    ).fetchone()
    if merged:
        return Link(
            "identity",
            f"one with {shown.record(other)}: {shown.record(merged[0])} was merged into {shown.record(merged[1])} there",
            facts={"record_ref": other},
        )
    left, right = sorted((ref, other))
    decided = connection.execute(
        """
      SELECT e.actor, d.verdict, e.happened_at FROM work.decided AS d JOIN journal.event AS e ON e.seq = d.seq
      WHERE d.left_ref IN ($1, $2) AND d.right_ref IN ($1, $2)""",
        [left, right],
    ).fetchone()
    pair = connection.execute(
        f"SELECT match_weight, evidence FROM identity.{of}_pair WHERE left_ref = ? AND right_ref = ?", [left, right]
    ).fetchone()
    strong = _equal_keys(connection, of, left, right)
    said = [f"equal {', '.join(strong)}"] if strong else []
    if pair:
        weights = ", ".join(
            f"{name} {weight:+.1f}" for name, weight in json.loads(pair[1]).items() if not isinstance(weight, bool) and weight
        )
        said.append(f"weight {pair[0]:.1f}" + (f" ({weights})" if weights else ""))
    said.append(f"{decided[0]} decided {decided[1]} on {shown.at(decided[2])}" if decided else "no steward decision")
    facts = {
        "record_ref": other,
        "strong": strong,
        "match_weight": pair and pair[0],
        "evidence": pair and json.loads(pair[1]),
        "decided_by": decided and decided[0],
    }
    return Link("identity", f"one with {shown.record(other)}: {', '.join(said)}", facts=facts)


def _equal_keys(connection: duckdb.DuckDBPyConnection, of: str, left: str, right: str) -> list[str]:
    keys = [*entity.all_entities()[of].identity.strong, "hub_id_said"]
    tests = ", ".join(f"coalesce(l.{key} = r.{key}, FALSE)" for key in keys)
    found = connection.execute(
        f"SELECT {tests} FROM canonical.{of} AS l, canonical.{of} AS r WHERE l.record_ref = ? AND r.record_ref = ?", [left, right]
    ).fetchone()
    named = {"hub_id_said": "hub id in both systems"}
    return [named.get(key, key) for key, equal in zip(keys, found or ()) if equal]
