"""Values in a system's records and bodies, by path: a/b is b in a; in a flat record a / is just a character."""

from collections.abc import Mapping
from typing import Any


def get(record: Mapping[str, Any], path: str, nested: bool = True) -> Any:
    """A value of a source record, by path; None where the path leads nowhere."""
    value: Any = record
    for step in path.split("/") if nested else [path]:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def put(body: dict[str, Any], path: str, value: Any, nested: bool = True) -> None:
    """Set a value in a body, by path."""
    *parents, last = path.split("/") if nested else [path]
    for parent in parents:
        body = body.setdefault(parent, {})
    body[last] = value
