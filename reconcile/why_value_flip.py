"""What would make another value survive: for each that lost, the smallest changes with which it wins, checked by applying them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import duckdb

from hub.rules import Rules
from reconcile import shown, standing
from reconcile.why_value import Value, columns, told
from reconcile.why_value_trial import Change, run

MOST_CHANGES = 3
MOST_TRIALS = 4000


@dataclass(frozen=True)
class Flip:
    """Changes with which another value survives: which, and from which record; None for no value at all."""

    changes: tuple[Change, ...]
    value: str | None
    given: str | None


def flips(connection: duckdb.DuckDBPyConnection, value: Value, queries: Mapping[str, str], rules: Rules) -> list[Flip]:
    """For each value that some record says and that lost, and for no value, the smallest sets of changes with which it survives."""
    if not queries:
        return []
    found: dict[str | None, list[Flip]] = {}
    wanted = {cell.value for cell in value.cells if cell.value not in (None, value.won)}
    single = list(_changes(connection, value, rules))
    for size in range(1, MOST_CHANGES + 1):
        sets = [chosen for chosen in combinations(single, size) if _is_sound(chosen)][:MOST_TRIALS]
        # That nothing survives is told where one change does it: with more, it would only be told that all fall silent.
        missing = wanted - found.keys() | ({None} if size == 1 and value.won is not None else set())
        if not missing or not sets:
            break
        for chosen, (said, given) in zip(sets, run(connection, queries, value, sets)):
            if said in missing:
                found.setdefault(said, []).append(Flip(chosen, said, given))
    smallest = lambda flip: (len(flip.changes), flip.value is None, flip.value or "")
    return sorted((flip for several in found.values() for flip in several), key=smallest)


def pins(connection: duckdb.DuckDBPyConnection, value: Value, queries: Mapping[str, str]) -> list[Flip]:
    """The values that lost, each pinned by a steward."""
    losers = {cell.value: cell.record_ref for cell in value.cells if cell.value is not None and cell.value != value.won}
    sets = [(Change("pinned", ref, said),) for said, ref in losers.items()]
    if not queries or not sets:
        return []
    return [Flip(each, *out) for each, out in zip(sets, run(connection, queries, value, sets)) if out[0] == each[0].to]


def _is_sound(chosen: tuple[Change, ...]) -> bool:
    """Whether no two of the changes are about the same record, or both about the thing as a whole."""
    about = [change.record_ref or change.what for change in chosen]
    return len(about) == len(set(about))


def _changes(connection: duckdb.DuckDBPyConnection, value: Value, rules: Rules) -> Iterator[Change]:
    """Each single thing that could be otherwise, the plainest first."""
    if value.given == "pin":
        yield Change("unpinned")
    records = [cell for cell in value.cells if cell.record_ref != "pin"]
    saying = [cell.record_ref for cell in records if cell.value is not None]
    yield from (Change("silent", ref) for ref in saying)
    if cleared := [cell.record_ref for cell in records if cell.state == "cleared"]:
        yield from (Change("silent", ref) for ref in cleared)
    yield from (Change("cleared", ref) for ref in saying)
    yield from (Change("gone", cell.record_ref) for cell in records)
    by = standing.rule_of(connection, value.of, value.hub_id, value.field, rules).by
    if by in ("recency", "longest valid"):
        yield from (Change("newer" if by == "recency" else "older", ref) for ref in saying)
    if by == "agreement" and len(columns(value.of, value.field)) == 1:
        said = {cell.value for cell in records if cell.value not in (None, value.won)}
        yield from (Change("agrees", cell.record_ref, each) for cell in records for each in sorted(said) if cell.value != each)
    if len(rules.owner(value.of).rules(value.field)) > 1:
        yield from (Change("state", to=state) for state in rules.entities[value.of].life_cycle)


def says(flip: Flip, value: Value) -> str:
    """A flip as a sentence."""
    result = f"{told(value.of, value.field, flip.value)}" + (
        f" ({shown.record(flip.given)})" if flip.value is not None and flip.given != "pin" else ""
    )
    return f"if {' and '.join(_says(change, value) for change in flip.changes)}, it would be {result}"


def _says(change: Change, value: Value) -> str:
    named = shown.record(change.record_ref)
    return {
        "silent": f"{named} had never said any {value.field}",
        "cleared": f"{named} were emptied of it",
        "gone": f"{named} were gone",
        "newer": f"{named} had changed last",
        "older": f"{named} had stood for longest",
        "agrees": f"{named} said {told(value.of, value.field, change.to)}",
        "state": f"it were {change.to}",
        "unpinned": "the pin were lifted",
        "pinned": f"a steward pinned what {named} says",
    }[change.what]
