"""The evidence of one pair of records, comparison by comparison: which level held, on what values, and what it adds to the sum."""

import re
from dataclasses import dataclass
from itertools import accumulate

import duckdb

from hub import entity
from hub.matching import Comparison
from hub.pairs import weight
from reconcile import shown
from reconcile.why_trial import Field


@dataclass(frozen=True)
class Step:
    """One step of the waterfall. The first is `start`: the odds before any evidence.

    level   the SQL of the level that held, `differs` for the last level, `silent` when a side says nothing
    term    the part of `weight` that the value's frequency adds
    total   the sum of all weights up to this one
    """

    comparison: str
    level: str
    weight: float
    total: float
    left: dict[str, str | None]
    right: dict[str, str | None]
    m: float | None = None
    u: float | None = None
    term: float = 0.0


def steps(connection: duckdb.DuckDBPyConnection, where: Field) -> list[Step]:
    """The waterfall of the pair, weighed by the SQL that the models use; sensitive values are hidden."""
    how = where.how
    told = ", ".join(f"{_level(each)}, ({weight(each)})::DOUBLE" for each in how.comparisons.values())
    connection.register("asked_key", where.keys)
    found = connection.execute(
        f"SELECT {told} FROM asked_key AS l, asked_key AS r WHERE l.record_ref = ? AND r.record_ref = ?", [where.left, where.right]
    ).fetchone()
    connection.unregister("asked_key")
    one, other = (_shown(where, ref) for ref in (where.left, where.right))
    made = [Step("start", "two records drawn at random", how.prior, how.prior, {}, {})]
    totals = list(accumulate(found[1::2], initial=how.prior))[1:]
    for (name, each), level, added, total in zip(how.comparisons.items(), found[::2], found[1::2], totals):
        made.append(_step(name, each, level, added, total, *({key: side[key] for key in each.on} for side in (one, other))))
    return made


def _level(each: Comparison) -> str:
    """SQL for the number of the level that holds; NULL when either side says nothing."""
    silent = " OR ".join(f"{side}.{key} IS NULL" for key in each.on for side in "lr")
    cases = " ".join(f"WHEN {level.when or 'TRUE'} THEN {number}" for number, level in enumerate(each.levels))
    return f"CASE WHEN {silent} THEN NULL {cases} END"


def _step(name: str, each: Comparison, number: int | None, added: float, total: float, left: dict, right: dict) -> Step:
    if number is None:
        return Step(name, "silent", added, total, left, right)
    level = each.levels[number]
    return Step(name, level.when or "differs", added, total, left, right, level.m, level.u, round(added - level.weight, 6) or 0.0)


def _shown(where: Field, ref: str) -> dict[str, str | None]:
    """The keys of a record as people may see them."""
    hidden = {key for key, columns in made_from(where).items() if any(shown.is_sensitive(where.of, column) for column in columns)}
    return {key: shown.HIDDEN if key in hidden and value is not None else value for key, value in where.row(ref).items()}


def made_from(where: Field) -> dict[str, frozenset[str]]:
    """The canonical columns that each key is made from."""
    columns = frozenset(entity.all_entities()[where.of].columns())
    return {key: frozenset(re.findall(r"\w+", sql)) & columns for key, sql in where.how.keys.items()}
