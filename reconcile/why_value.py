"""Why a golden value is what it is: who says what, which rule decided, and for each value that lost, why not."""

import difflib
from dataclasses import dataclass

import duckdb

from hub import entity
from hub.errors import Refused
from hub.rules import Rules
from reconcile import shown, standing
from reconcile.meant import side


@dataclass(frozen=True)
class Cell:
    """What one record says on the field, as golden.cell has it. value: the text itself; show it by `told` alone."""

    record_ref: str
    system: str | None
    value: str | None
    state: str
    is_winner: bool
    reason: str


@dataclass(frozen=True)
class Value:
    """The answer for a field of a thing. said, given: the golden value as people may see it, and the record that gave it, or `pin`."""

    of: str
    hub_id: str
    field: str
    said: str
    given: str | None
    rule: str
    cells: tuple[Cell, ...]

    @property
    def won(self) -> str | None:
        """The value itself."""
        return next((cell.value for cell in self.cells if cell.is_winner), None)


def asked(connection: duckdb.DuckDBPyConnection, said: str, field: str, rules: Rules) -> Value:
    """Why a field of a thing has its value, on a cut. said: a hub id, or one of its records. Raises Refused for what is unknown."""
    found = side(connection, said, rules)
    known = entity.all_entities()[found.entity].fields
    if field not in known:
        close = difflib.get_close_matches(field, known, n=3, cutoff=0.4) or list(known)
        raise Refused(f"{found.entity} has no field {field!r}; similar: {', '.join(close)}")
    cells = connection.execute(
        """SELECT record_ref, system, value, state, is_winner, reason FROM golden.cell
      WHERE entity = ? AND hub_id = ? AND field = ? ORDER BY is_winner DESC, value IS NULL, record_ref""",
        [found.entity, found.hub_id, field],
    ).fetchall()
    if not cells:
        raise Refused(
            f"{found.hub_id or said} has no live record, so nothing survives of it; see `hub trace hub {found.entity} {found.hub_id}`"
        )
    value, given = standing.value(connection, found.entity, found.hub_id, field)
    rule = standing.by_rule(connection, found.entity, found.hub_id, field, rules).removeprefix(" · ")
    return Value(found.entity, found.hub_id, field, value, given, rule, tuple(Cell(*cell) for cell in cells))


def told(of: str, field: str, value: str | None) -> str:
    """A value of a cell as people may see it."""
    if value is None:
        return "nothing"
    if shown.is_sensitive(of, field):
        return shown.HIDDEN
    return shown.values(of, value) if len(columns(of, field)) > 1 else value


def columns(of: str, field: str) -> list[str]:
    """The columns of a field as golden records have them: references are hub ids there."""
    known = entity.all_entities()[of].fields[field]
    return [f"{field}_id"] if known.type == "reference" else list(known.columns(field))
