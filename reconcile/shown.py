"""How values and records are written for people: short, in one line, and what is sensitive not at all."""

import json
from datetime import datetime
from typing import Any

from hub import entity
from hub.journal_values import ERASED

HIDDEN = "(hidden: sensitive)"


def values(of: str, text: str | None) -> str:
    """A JSON object of canonical columns, as one line."""
    if text == ERASED:
        return text
    said = json.loads(text) if text else {}
    known = {column: shown for column, value in said.items() if (shown := value_of(of, column, value)) is not None}
    if not known:
        return "nothing"
    return next(iter(known.values())) if len(said) == 1 else ", ".join(dict.fromkeys(known.values()))


def value_of(of: str, column: str, value: Any) -> str | None:
    """One value as text; None stays None."""
    if value is None:
        return None
    return HIDDEN if is_sensitive(of, column) else str(value)


def is_sensitive(of: str, column: str) -> bool:
    """Whether a field, or the field that a column belongs to, is sensitive."""
    fields = entity.all_entities()[of].fields
    return any(field.sensitivity == "sensitive" for name, field in fields.items() if column in (name, f"{name}_id", *field.columns(name)))


def message(of: str, about: str, text: str) -> str:
    """The message of an exception, which may quote the value of the field that it is about."""
    return f"{about} {HIDDEN}; see it in the system" if is_sensitive(of, about.rsplit(" ", 1)[-1]) else text


def payload(entity: str, fields: list[str], payload: str | None) -> str | None:
    """What was sent of some fields, unless one of them is sensitive."""
    return HIDDEN if any(is_sensitive(entity, field) for field in fields) else payload


def record(ref: str) -> str:
    """A record_ref as people write it."""
    return " ".join(ref.split(":", 2))


def at(when: datetime | str | None) -> str:
    """An instant to the second, UTC."""
    found = datetime.fromisoformat(when) if isinstance(when, str) else when
    return f"{found:%Y-%m-%d %H:%M:%S}" if found else "never"
