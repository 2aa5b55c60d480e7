"""The evidence of one pair of records, comparison by comparison: which level held, on what values, and what it adds to the sum."""

import re
from dataclasses import dataclass
from itertools import accumulate

import duckdb
import polars as pl

from hub import entity
from hub.matching import Comparison
from hub.pairs import common, compared, weight
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

    def said(self) -> tuple[str, str]:
        """What either side says, in a line."""
        told = [" · ".join(dict.fromkeys(value.strip() for value in side.values() if value)) for side in (self.left, self.right)]
        return told[0] or "–", told[1] or "–"


def steps(connection: duckdb.DuckDBPyConnection, where: Field) -> list[Step]:
    """The waterfall of the pair, weighed by the SQL that the models use; sensitive values are hidden."""
    how = where.how
    connection.register("asked_key", where.keys)
    connection.register("asked_pair", pl.DataFrame({"left_ref": [where.left], "right_ref": [where.right]}))
    told = ", ".join(f"v_{name}, ({weight(name, each)})::DOUBLE" for name, each in how.comparisons.items())
    joins = " ".join(f"LEFT JOIN common_{term} ON common_{term}.term = c.term_{term}" for term in how.terms())
    found = connection.execute(f"""
      WITH {common(where.among, how, "asked_key")} compared AS ({compared("asked_pair", "asked_key", how, where.strong)})
      SELECT {told} FROM compared AS c {joins}""").fetchone()
    connection.unregister("asked_key")
    connection.unregister("asked_pair")
    one, other = (_shown(where, ref) for ref in (where.left, where.right))
    made = [Step("start", "two records drawn at random", how.prior, how.prior, {}, {})]
    totals = list(accumulate(found[1::2], initial=how.prior))[1:]
    for (name, each), level, added, total in zip(how.comparisons.items(), found[::2], found[1::2], totals):
        read = read_keys(where, each)
        made.append(_step(name, each, level, added, total, *({key: side[key] for key in read} for side in (one, other))))
    return made


def read_keys(where: Field, each: Comparison) -> tuple[str, ...]:
    """The keys that a comparison's levels read; those that it is silent without come first."""
    read = re.findall(r"\b[lr]\.(\w+)", " ".join(level.when for level in each.levels))
    return tuple(dict.fromkeys([*each.on, *(key for key in where.known if key in read)]))


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
    """The canonical columns that each key is made from; none for what refers to the record."""
    columns = frozenset(entity.all_entities()[where.of].columns())
    return {key: frozenset(re.findall(r"\w+", where.how.keys.get(key, ""))) & columns for key in where.known}
