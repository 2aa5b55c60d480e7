"""Writes the body of a journal event as canonical JSON, and refuses what must never stand in a journal."""

import json
import re
from collections.abc import KeysView, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from hub.errors import Refused

SECRET = re.compile(r"(password|passwd|passphrase|secret|token|credential|api_?key|private_?key)s?(?![a-z])")
ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
FIT: set[str] = set()  # keys that were found fit: a plan names the same dozen in each of its lines
REMEMBERED = 4096

Place = str | tuple["Place", Any]  # "body", or a place and the key of a value there: it is put into words only to refuse


def plain(value: Any, where: Place = "body") -> Any:
    """A value as JSON can carry it: Decimal, date and datetime as text, tuples as lists, everything else unchanged.

    A datetime without a zone is taken as UTC, as everywhere in the hub. Raises Refused, naming the place, for a key that
    looks like a secret, and for what has no canonical text (NaN, bytes, sets, a key that is not text).
    """
    if type(value) is str:
        return line(value, where)
    if type(value) is dict or isinstance(value, Mapping):
        _check_keys(value.keys(), where)
        # Most values are nothing or plain text, and to ask a type what it inherits from takes longer than all the rest.
        return {
            key: each if each is None or type(each) is str and each.isascii() and "\0" not in each else plain(each, (where, key))
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(each, where) for each in value]
    return _scalar(value, where)


def text(value: Any) -> str:
    """The one JSON text of a plain value: keys in order, no spaces, UTF-8."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # a whole number beyond 64 bits
        return ENCODER.encode(value)


def utc(at: datetime) -> datetime:
    """A time in UTC; without a zone it is taken as UTC already."""
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def line(value: str, where: Place) -> str:
    """A text that both databases can keep. Raises Refused for one they can't."""
    # PostgreSQL keeps no NUL in a text; half a surrogate pair is not UTF-8.
    if "\0" in value or not value.isascii() and value.encode(errors="ignore") != value.encode(errors="replace"):
        raise Refused(f"journal {_worded(where)}: {value!r} is not text that a database can keep; clean it where it was read")
    return value


def _check_keys(keys: KeysView[Any], where: Place) -> None:
    if keys <= FIT:
        return
    for key in keys:
        if not isinstance(key, str):
            raise Refused(f"journal {_worded(where)}: key {key!r} is not text; write it as text, so that it reads back the same")
        if SECRET.search(WORD_BREAK.sub("_", key).lower()):
            raise Refused(
                f"journal {_worded(where)}: key {key!r} looks like a secret; leave it out, the journal is kept for ever and read by many"
            )
        line(key, where)
    if len(FIT) > REMEMBERED:
        FIT.clear()
    FIT.update(keys)


def _worded(where: Place) -> str:
    return where if isinstance(where, str) else f"{_worded(where[0])}.{where[1]}"


def _scalar(value: Any, where: Place) -> Any:
    if isinstance(value, str):
        return line(str(value), where)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime):
        return utc(value).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"  # never 1E+3
    if isinstance(value, float) and value - value == 0:  # false for NaN and the infinities
        return value
    raise Refused(
        f"journal {_worded(where)}: {value!r} of type {type(value).__name__} has no JSON form; turn it into text, a number, a list or a dict"
    )
