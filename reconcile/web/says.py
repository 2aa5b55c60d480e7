"""How values are told on a page: money, ages, masks, differing parts, the strength of evidence."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.entity import Entity
from hub.journal_values import ERASED
from reconcile import shown

DOTS = "••••"
STRONG = 4  # from this match weight on, sixteen to one, evidence is called strong
WIDEST = 12  # the match weight that fills a bar


def money(amount: Any, currency: str | None = "") -> str:
    return f"{currency or ''} {Decimal(str(amount)):,.2f}".strip() if amount is not None else ""


def said(value: Any) -> str:
    """A value as a person reads it; nothing for NULL."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def age(since: datetime | None) -> str:
    """How long ago, in the largest unit that fits."""
    if since is None:
        return "new"
    seconds = int((datetime.now(UTC).replace(tzinfo=None) - since).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "just now"


def words(name: str) -> str:
    """A column, class or kind as words."""
    return name.removesuffix("_ref").replace("_", " ")


def masked(value: Any) -> str:
    """The last two letters of a value, and that there are more."""
    text = said(value)
    return f"{DOTS}{text[-2:]}" if len(text) > 6 else DOTS if text else ""


def told(name: str, column: str, value: Any, look: bool) -> str:
    """The value of an entity's column: sensitive ones are masked until they are shown."""
    return said(value) if look or not shown.is_sensitive(name, column) else masked(value)


def parts(name: str, text: str | None, look: bool) -> list[tuple[str, str]]:
    """(column in words, value) of a JSON object of canonical columns: before and after of a plan line."""
    if text == ERASED:
        return [("", text)]
    found = json.loads(text, parse_float=Decimal) if text else {}
    return [(words(column), told(name, column, value, look)) for column, value in found.items() if value is not None]


def pushed(name: str, body: str | None, look: bool) -> list[dict[str, Any]]:
    """What a push wrote: field, before, after and why, from the body of its intent."""
    fields = json.loads(body)["fields"] if body else {}
    return [
        {"field": words(field), "why": each["why"], "before": parts(name, each["base"], look), "after": parts(name, each["want"], look)}
        for field, each in fields.items()
    ]


def differing(left: str, right: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Both texts in pieces, (piece, whether the other text has it differently)."""
    pieces: tuple[list, list] = ([], [])
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for side, text in zip(pieces, (left[a:b], right[c:d])):
            if text:
                side.append((text, tag != "equal"))
    return pieces


def strength(weight: float) -> str:
    """What a match weight says, in words."""
    if weight == 0:
        return "says nothing"
    return f"{'strongly ' if abs(weight) >= STRONG else ''}{'for' if weight > 0 else 'against'}"


def bar(weight: float) -> tuple[float, float]:
    """(start, width) of a signed bar on an axis from 0 to 100, zero in the middle."""
    width = min(abs(weight) / WIDEST, 1) * 50
    return (50 if weight >= 0 else 50 - width, width)


def odds(weight: float) -> str:
    """The chance that two records are one, from the log2 of its odds."""
    chance = 1 / (1 + 2**-weight)
    return "over 99.9 %" if chance > 0.999 else "under 0.1 %" if chance < 0.001 else f"{chance * 100:.1f} %"


def name_columns(entity: Entity) -> list[str]:
    """The columns that name a thing best: a name, else its title or number."""
    kinds = ("organisation_name", "person_name")
    named = [name for name, field in entity.fields.items() if field.type in kinds]
    listed = [name for name in chain(["name", "title", "number"], entity.identity.strong) if name in entity.fields]
    texts = [name for name, field in entity.fields.items() if field.type == "text"]
    public: Iterable[str] = (name for name in chain(named, listed, texts) if entity.fields[name].sensitivity != "sensitive")
    return list(dict.fromkeys(public))[:3]


def name_sql(entity: Entity, alias: str) -> str:
    """SQL for what a record or golden row is called."""
    columns = [f"{alias}.{column}::TEXT" for column in name_columns(entity)]
    return f"coalesce({', '.join([*columns, 'NULL', 'NULL'])})"


def _templates() -> Environment:
    found = FileSystemLoader(Path(__file__).parent / "templates")
    made = Environment(loader=found, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(money=money, said=said, age=age, words=words, strength=strength, bar=bar, odds=odds)
    return made


TEMPLATES = _templates()
