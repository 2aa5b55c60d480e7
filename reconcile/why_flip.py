"""What would reverse a decision about two records: the smallest change of evidence, checked by applying it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import duckdb
import polars as pl

from reconcile import shown, why_trial
from reconcile.why_evidence import made_from, read_keys
from reconcile.why_trial import Change, Field, Outcome

UNLIKE = "∅∅∅∅"  # a value that is like no other
UNDONE = Change("decision", "undone")
MOST_CHANGES = 3
MOST_ROWS = 100_000  # of keys in one trial of many sets of changes


@dataclass(frozen=True)
class Flip:
    """Changes that together reverse the decision, and what came of them when they were applied."""

    changes: tuple[Change, ...]
    before: Outcome
    after: Outcome


def flips(connection: duckdb.DuckDBPyConnection, where: Field, before: Outcome) -> tuple[list[Flip], list[Flip]]:
    """The smallest changes of evidence that reverse a decision, and what a steward would have to say to reverse it.

    Where no evidence does because a steward has decided, the decision is taken for taken back.
    """
    said, found = by_decision(connection, where, before), by_evidence(connection, where, before)
    is_decided = not where.decisions.filter((pl.col("left_ref") == where.left) & (pl.col("right_ref") == where.right)).is_empty()
    if found or not is_decided or any(flip.changes == (UNDONE,) for flip in said):
        return found, said
    return by_evidence(connection, where, before, (UNDONE,)), said


def by_evidence(connection: duckdb.DuckDBPyConnection, where: Field, before: Outcome, given: tuple[Change, ...] = ()) -> list[Flip]:
    """The smallest sets of changed evidence that part what is together, or unite what is apart; the gentlest first.

    given  changes that are taken for made: a decision taken back
    """
    for size in range(1, MOST_CHANGES + 1):
        sets = [(*given, *chosen) for chosen in _sets(where, size)][: max(1, MOST_ROWS // len(where.keys))]
        outcomes = why_trial.run(connection, where, sets) if sets else []
        if found := [Flip(chosen, before, after) for chosen, after in zip(sets, outcomes) if after.together != before.together]:
            return sorted(_distinct(found), key=lambda each: (abs(each.after.weight - before.weight), _named(each)))
    return []


def by_decision(connection: duckdb.DuckDBPyConnection, where: Field, before: Outcome) -> list[Flip]:
    """What a steward would have to say to reverse it."""
    sets = [(Change("decision", to),) for to in ("undone", "same", "different")]
    return [
        Flip(each, before, after) for each, after in zip(sets, why_trial.run(connection, where, sets)) if after.together != before.together
    ]


def _named(flip: Flip) -> list[tuple[str, str]]:
    return [(change.what, change.to) for change in flip.changes]


def _distinct(found: list[Flip]) -> list[Flip]:
    """Each once, whichever of the two records it changes."""
    once: dict[tuple, Flip] = {}
    for each in found:
        once.setdefault(tuple(_named(each)), each)
    return list(once.values())


def _sets(where: Field, size: int) -> Iterator[tuple[Change, ...]]:
    """All sets of so many changes to one of the two records, no two of them about the same."""
    for ref, other in ((where.right, where.left), (where.left, where.right)):
        for chosen in combinations(list(changes(where, ref, other)), size):
            keys = [frozenset(key for sets in change.sets.values() for key in sets) for change in chosen]
            if all(one.isdisjoint(another) for one, another in combinations(keys, 2)):
                yield chosen


def changes(where: Field, ref: str, other: str) -> Iterator[Change]:
    """Each single change of a record's evidence: a comparison or a strong key that would agree, be silent, or differ."""
    for name, each in where.how.comparisons.items():
        yield from _of(where, name, each.on, read_keys(where, each), ref, other)
    for key in where.strong:
        if (key,) not in [each.on for each in where.how.comparisons.values()]:
            yield from _of(where, key, (key,), (key,), ref, other)
    if where.row(ref)["hub_id_said"]:
        yield Change("hub_id", "silent", {ref: {"hub_id_said": None}})


def _of(where: Field, what: str, on: tuple[str, ...], read: tuple[str, ...], ref: str, other: str) -> Iterator[Change]:
    mine, theirs = where.row(ref), where.row(other)
    says = lambda row: all(row[key] is not None for key in on)
    if says(theirs):
        yield _change(where, what, "agrees", {ref: {key: theirs[key] for key in _kin(where, read) if theirs[key] is not None}})
    elif not says(mine):
        yield _change(where, what, "agrees", {each: dict.fromkeys(_kin(where, read), UNLIKE) for each in (ref, other)})
    if says(mine):
        yield _change(where, what, "silent", {ref: dict.fromkeys(_kin(where, on))})
    if says(theirs):
        yield _change(where, what, "differs", {ref: dict.fromkeys(_kin(where, read), UNLIKE)})


def _change(where: Field, what: str, to: str, sets: dict[str, dict[str, str | None]]) -> Change:
    made = made_from(where)
    columns = sorted({column for each in sets.values() for key in each for column in made[key]})
    return Change(what, to, sets, tuple(columns))


def _kin(where: Field, keys: tuple[str, ...]) -> list[str]:
    """The keys that are made from the same columns as these: who changes one of them changes all."""
    made = made_from(where)
    columns = frozenset().union(*(made[key] for key in keys))
    return [key for key, each in made.items() if key in keys or each & columns]


def says(flip: Flip, words: dict[str, str]) -> str:
    """A flip as a sentence. words: what records are called, by record_ref."""
    told = " and ".join(_says(change, words) for change in flip.changes)
    result = "be one" if flip.after.together else "be kept apart"
    asked = ", and a steward asked" if not flip.after.together and flip.after.verdict == "review" else ""
    moved = f" (weight {flip.before.weight:.1f} -> {flip.after.weight:.1f})" if flip.after.weight != flip.before.weight else ""
    return f"if {told}, they would {result}{asked}{moved}"


def _says(change: Change, words: dict[str, str]) -> str:
    what = change.what.replace("_", " ")
    if change.what == "decision":
        return "a steward's decision were taken back" if change.to == "undone" else f"a steward said that they are {DECIDED[change.to]}"
    if change.to == "agrees":
        return f"the {what} agreed"
    (ref,) = change.sets
    return f"{words.get(ref, shown.record(ref))} {'said no' if change.to == 'silent' else 'had another'} {what}"


DECIDED = {"same": "the same", "different": "different"}
