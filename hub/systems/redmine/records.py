"""Redmine's records as we show them, and the bodies of what we write."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from hub.mapping import Object
from hub.systems.connector import Record, Write

SECRET = {"api_key"}  # a user's own, which a single user's record shows to an administrator


def row(each: Object, record: Record, part: dict[str, Any]) -> Record:
    """A record as Redmine shows it, with custom fields by name, and with what the list that it came from says of it."""
    shown = {name: value for name, value in record.items() if name not in SECRET}
    if "custom_fields" in shown:
        shown["custom_fields"] = {field["name"]: field.get("value") or None for field in shown["custom_fields"]}
    if each.name == "users":
        shown |= {"name": f"{shown['firstname']} {shown['lastname']}", "status": shown.get("status", part.get("status"))}
    return shown


def version(record: Record) -> str:
    """A digest of the whole record: updated_on counts in seconds, and does not move when a project is closed."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def body(each: Object, write: Write, field_id: Callable[[str], int]) -> Record:
    """References as ids, custom fields as Redmine takes them; a new project gets an identifier, which is unique for good."""
    sent = {name: value for name, value in write.body.items() if not isinstance(value, dict)}
    sent |= {f"{name}_id": int(value["id"]) for name, value in write.body.items() if isinstance(value, dict) and set(value) == {"id"}}
    custom = dict(write.body.get("custom_fields", {}))
    if write.action == "create":
        sent["identifier"] = _identifier(custom.get("Project Number") or write.hub_id)
        custom[each.external_id.split("/")[-1]] = write.hub_id
    if custom:
        sent["custom_fields"] = [{"id": field_id(name), "value": value or ""} for name, value in custom.items()]
    return sent


def _identifier(text: str) -> str:
    """A project's identifier: small letters, digits and dashes, not digits alone, at most 100."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", text.lower())[:90]
    return f"project-{plain}" if plain.isdigit() else plain
