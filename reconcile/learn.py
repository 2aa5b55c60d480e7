"""Learns m, u and prior of a matching without labels: Fellegi and Sunter's model, by expectation maximisation over patterns.

A pattern is which level holds in each comparison. There are some hundreds, whatever the number of records, so SQL counts
them and the rest is arithmetic. Two counts are read: of the pairs that share a block, which hold nearly all matches, and
of random pairs, which hold nearly none. Pairs that share no block count as no matches. So m is what matches do at large,
not within one block, and u what others do at large. The numbers at hand are the prior belief, worth some pairs.
"""

from dataclasses import dataclass
from math import log2

import duckdb
import numpy as np

from hub import pairs
from hub.matching import Matching

RANDOM_PAIRS = 200_000
MANY = 50_000  # of more records than these, a sample is taken
ROUNDS = 60
RARE = 1e-4
LEAST = 0.02  # what no match did among these records, one in fifty may do among the next
M_WORTH, U_WORTH = 10, 1_000  # pairs that the numbers at hand count for: m; u and prior


@dataclass(frozen=True)
class Patterns:
    """Pairs by the levels that hold: one row a pattern, one column a comparison, NULL as -1; and how many pairs show each."""

    levels: np.ndarray
    pairs: np.ndarray


def learn(connection: duckdb.DuckDBPyConnection, key: str, how: Matching, strong: list[str]) -> Matching:
    """The matching with numbers learned from the records in the table `key`; with fewer than two, as it is."""
    records = connection.execute(f"SELECT count(*) FROM {key}").fetchone()[0]
    if records < 2 or not how.comparisons:
        return how
    near = _near(connection, key, how, strong, records)
    chance = _patterns(connection, f"candidate AS ({_random(key, records)})", key, how, strong)
    return _with(how, *_maximised(how, near, chance, max(1, records * (records - 1) // 2)), records)


def _near(connection: duckdb.DuckDBPyConnection, key: str, how: Matching, strong: list[str], records: int) -> Patterns:
    """The pairs that share a block; of many records, those that some of them are in, each counted for as many as it stands for."""
    part = max(1, records // MANY)
    if part == 1:
        return _patterns(connection, f"candidate AS ({pairs.candidates(key, how, key)})", key, how, strong)
    # A table of its own, whose size DuckDB knows: else it builds its joins on all records.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE sampled AS SELECT * FROM {key} WHERE hash(record_ref) % {part} = 0")
    seen = _patterns(connection, f"candidate AS ({pairs.candidates(key, how, 'sampled')})", key, how, strong)
    return Patterns(seen.levels, seen.pairs / (2 / part - 1 / part**2))  # a pair is seen when one of the two is in the sample


def _patterns(connection: duckdb.DuckDBPyConnection, candidate: str, key: str, how: Matching, strong: list[str]) -> Patterns:
    shown = ", ".join(f"COALESCE(v_{name}::INT, -1)" for name in how.comparisons)
    sql = f"WITH {candidate}, compared AS ({pairs.compared('candidate', key, how, strong)}) SELECT {shown}, count(*) FROM compared GROUP BY ALL ORDER BY ALL"
    rows = np.array(connection.execute(sql).fetchall(), dtype=np.int64).reshape(-1, len(how.comparisons) + 1)
    return Patterns(rows[:, :-1], rows[:, -1].astype(float))


def _random(key: str, records: int) -> str:
    """Pairs of records drawn by chance, the same ones each time; all pairs when these are few."""
    part = max(1, records // MANY)
    numbered = f"SELECT record_ref, row_number() OVER (ORDER BY hash(record_ref), record_ref) - 1 AS n FROM {key} WHERE hash(record_ref, 1) % {part} = 0"
    if records * (records - 1) // 2 <= RANDOM_PAIRS:
        return f"SELECT t.record_ref AS left_ref, a.record_ref AS right_ref FROM {key} AS t JOIN {key} AS a ON t.record_ref < a.record_ref"
    return f"""
      WITH numbered AS MATERIALIZED ({numbered}), drawn AS (SELECT hash(i) % {records // part} AS one, hash(i, 1) % {records // part} AS other FROM range({RANDOM_PAIRS}) AS d(i))
      SELECT t.record_ref AS left_ref, a.record_ref AS right_ref FROM drawn AS d
      JOIN numbered AS t ON t.n = d.one JOIN numbered AS a ON a.n = d.other AND a.n <> t.n"""


def _maximised(how: Matching, near: Patterns, chance: Patterns, all_pairs: int) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """m and u by comparison, and the share of all pairs that are matches."""
    numbers = lambda which: [np.array([getattr(level, which) for level in each.levels]) for each in how.comparisons.values()]
    u = u_before = [each / each.sum() for each in numbers("u")]
    m = m_before = numbers("m")
    # In a small firm, most random pairs that agree on anything rare are one. What is merely alike is counted as it comes:
    # else a crowd of similar values would be taken for matches, and their likeness for proof.
    agree = _agree(how, chance)
    share = share_before = 1 / (1 + 2**-how.prior)
    for _ in range(ROUNDS):
        p = near.pairs * _probability(near, m, u, share)
        m = [_rates(near, number, p, M_WORTH, before) for number, before in enumerate(m_before)]
        others = chance.pairs * (1 - agree * _probability(chance, m, u, share))
        u = [_rates(chance, number, others, U_WORTH, before) for number, before in enumerate(u_before)]
        share = (float(p.sum()) + U_WORTH * share_before) / (all_pairs + U_WORTH)
    return [_floored(*each) for each in zip(m, u, m_before, u_before)], u, share


def _floored(m: np.ndarray, u: np.ndarray, m_before: np.ndarray, u_before: np.ndarray) -> np.ndarray:
    """m, with what hardly any match did at LEAST, but for no more weight than it had before."""
    floored = np.maximum(m, np.minimum(LEAST, u * m_before / u_before))
    return floored / floored.sum()


def _agree(how: Matching, seen: Patterns) -> np.ndarray:
    """Whether two comparisons find the same value, or one does that is hardly ever the same by chance, by pattern."""
    first = [each.levels[0] for each in how.comparisons.values()]
    same = seen.levels == 0
    return (same[:, [bool(each.term) for each in first]].sum(axis=1) > 1) | same[:, [each.u <= RARE for each in first]].any(axis=1)


def _probability(seen: Patterns, m: list[np.ndarray], u: list[np.ndarray], share: float) -> np.ndarray:
    odds = np.full(len(seen.pairs), np.log2(share / (1 - share)))
    for number, (one, other) in enumerate(zip(m, u)):
        odds += np.append(np.log2(one / other), 0)[seen.levels[:, number]]  # -1, which says nothing, takes the 0 at the end
    return 1 / (1 + np.exp2(-np.clip(odds, -500, 500)))


def _rates(seen: Patterns, number: int, pairs_of: np.ndarray, worth: float, before: np.ndarray) -> np.ndarray:
    """How often each level of a comparison holds among these pairs, together with what was believed before."""
    column = seen.levels[:, number]
    counted = np.array([pairs_of[column == level].sum() for level in range(len(before))]) + worth * before
    # What none of so many pairs showed is not impossible: half a pair did.
    return np.maximum(counted, 0.5) / counted.sum()


def _with(how: Matching, m: list[np.ndarray], u: list[np.ndarray], share: float, records: int) -> Matching:
    said = how.model_dump()
    for each, matches, others in zip(said["comparisons"].values(), m, u):
        for level, one, other in zip(each["levels"], matches.tolist(), others.tolist()):
            level |= {"m": one, "u": min(other, 1 / max(records, 2)) if level["term"] else other}
    return Matching.model_validate(said | {"prior": log2(share / (1 - share)), "copies": max(how.copies, round(share * records))})
