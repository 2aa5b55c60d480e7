"""What every page works with: the newest cut, who asks, what they sent; and what a page gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import duckdb

from hub import rules
from hub.errors import NotThere
from hub.firm import Firm
from hub.journal import Event, Journal
from hub.rules import Rules
from reconcile.steward import Steward
from reconcile.web import safety, says

PAGE = 50


@dataclass(frozen=True)
class Page:
    """A template with its values."""

    template: str
    values: dict[str, Any]
    status: int = 200


@dataclass(frozen=True)
class Go:
    """Somewhere else to go on, and what to say there."""

    to: str
    said: str = ""


@dataclass(frozen=True)
class Desk:
    """One request. `shown` says that the person pressed show: sensitive values are told."""

    firm: Firm
    journal: Journal
    connection: duckdb.DuckDBPyConnection
    actor: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Any = field(default_factory=dict)
    shown: bool = False

    @cached_property
    def rules(self) -> Rules:
        return rules.of(str(self.firm.folder.resolve()))

    @cached_property
    def steward(self) -> Steward:
        """The person as the one who decides of records."""
        return Steward(self.connection, self.journal, self.rules, self.actor)

    def said(self, name: str) -> str:
        """What a field of the form says, without blanks around it."""
        return str(self.form.get(name, "")).strip()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql, list(values))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def one(self, sql: str, values: Sequence[Any] = ()) -> dict[str, Any] | None:
        return next(iter(self.rows(sql, values)), None)

    def number(self, name: str) -> int:
        """A whole number of the query that is not negative; 0 when it says none."""
        said = self.query.get(name, "")
        return int(said) if said.isdecimal() and len(said) < 10 else 0

    def entity(self) -> str:
        """The entity that the path names. Raises NotThere for one that no system holds."""
        if (name := self.path["entity"]) not in self.rules.entities:
            raise NotThere(f"no system of this firm holds {name}; choose one of {', '.join(self.rules.entities)}")
        return name

    def names(self, things: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """What the golden records of some rows (entity, hub_id) are called, by hub id."""
        wanted: dict[str, list[str]] = {}
        for row in things:
            if row["entity"] in self.rules.entities and row["hub_id"]:
                wanted.setdefault(row["entity"], []).append(row["hub_id"])
        found: dict[str, str] = {}
        for name, ids in wanted.items():
            called = says.name_sql(self.rules.entities[name], "g")
            rows = self.rows(f"SELECT hub_id, {called} AS name FROM golden.{name} AS g WHERE list_contains(?, hub_id)", [ids])
            found |= {row["hub_id"]: row["name"] or "" for row in rows}
        return found

    @property
    def back(self) -> str:
        """The page that a form was on."""
        return safety.local(str(self.form.get("back", "/")))

    def note(self, kind: str, subject: str, body: dict[str, Any]) -> None:
        """Journal something that this person did."""
        self.journal.append([Event(kind, subject, body, self.actor)])


@dataclass(frozen=True)
class Slice:
    """A part of a list that is too long for a page."""

    number: int
    total: int
    path: str
    query: dict[str, str]

    @property
    def offset(self) -> int:
        return self.number * PAGE

    @property
    def last(self) -> int:
        return max(0, (self.total - 1) // PAGE)

    def at(self, number: int) -> str:
        return link(self.path, **(self.query | {"page": str(number) if number else ""}))


def link(path: str, **query: Any) -> str:
    """A path with the parts of a query that say something."""
    said = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(said)}" if said else path
