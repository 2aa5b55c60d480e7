"""Reads the part of SOQL that the simulated org understands: SELECT, FROM, WHERE with AND, ORDER BY, LIMIT ("SOQL and SOSL Reference")."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:\\.|[^'\\])*')
                          |(?P<datetime>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))
                          |(?P<date>\d{4}-\d\d-\d\d)
                          |(?P<number>-?\d+(?:\.\d+)?)
                          |(?P<word>[A-Za-z_][\w.]*)
                          |(?P<symbol><=|>=|!=|<>|[=<>(),]))""",
    re.VERBOSE,
)
SIGNS = {"=", "!=", "<>", "<", "<=", ">", ">="}
WORDS = {"true": True, "false": False, "null": None}


class Malformed(Exception):
    """A query that Salesforce would refuse: (errorCode, message)."""


@dataclass(frozen=True)
class Query:
    """A parsed query; without fields it counts. where: (field, operator, value); order: (field, descending)."""

    fields: tuple[str, ...]
    object: str
    where: tuple[tuple[str, str, Any], ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None


def parse(text: str) -> Query:
    """The query that a text says. Raises Malformed."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str):
        self.tokens, at = [], 0
        while text[at:].strip():
            if not (found := TOKEN.match(text, at)):
                raise Malformed("MALFORMED_QUERY", f"unexpected token: {text[at:].strip()[:20]}")
            self.tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()
        self.at = 0

    def query(self) -> Query:
        self.expect("select")
        fields = self.fields()
        self.expect("from")
        query = Query(
            fields, self.take("word"), self.conditions(), self.order(), int(self.take("number")) if self.accept("limit") else None
        )
        if self.at < len(self.tokens):
            self.refuse()
        return query

    def fields(self) -> tuple[str, ...]:
        names = [self.take("word")]
        if names[0].lower() == "count" and self.accept("("):
            self.expect(")")
            return ()
        while self.accept(","):
            names.append(self.take("word"))
        return tuple(names)

    def conditions(self) -> tuple[tuple[str, str, Any], ...]:
        if not self.accept("where"):
            return ()
        found = [self.condition()]
        while self.accept("and"):
            found.append(self.condition())
        return tuple(found)

    def condition(self) -> tuple[str, str, Any]:
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        field = self.take("word")
        if self.accept("in"):
            return field, "in", self.values()
        sign = self.take("symbol")
        if sign not in SIGNS:
            self.refuse()
        return field, sign, self.value()

    def values(self) -> tuple[Any, ...]:
        self.expect("(")
        found = [self.value()]
        while self.accept(","):
            found.append(self.value())
        self.expect(")")
        return tuple(found)

    def value(self) -> Any:
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        self.at += 1
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return float(text)
        if kind in ("date", "datetime"):
            return (date if kind == "date" else datetime).fromisoformat(text)
        if kind == "word" and text.lower() in WORDS:
            return WORDS[text.lower()]
        self.at -= 1
        return self.refuse()

    def order(self) -> tuple[tuple[str, bool], ...]:
        if not self.accept("order"):
            return ()
        self.expect("by")
        found = [(self.take("word"), self.descending())]
        while self.accept(","):
            found.append((self.take("word"), self.descending()))
        return tuple(found)

    def descending(self) -> bool:
        return self.accept("desc") or (self.accept("asc") and False)

    def accept(self, text: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at][1].lower() == text
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.refuse()

    def take(self, kind: str) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != kind:
            self.refuse()
        self.at += 1
        return self.tokens[self.at - 1][1]

    def refuse(self) -> Any:
        raise Malformed("MALFORMED_QUERY", f"unexpected token: {self.tokens[self.at][1] if self.at < len(self.tokens) else '<EOF>'}")
