"""Between Ironclad's typed properties and the mapping: addresses with a street, one reference instead of a list, types on the way out."""

from collections.abc import Mapping
from typing import Any

from hub.mapping import Object
from hub.systems.connector import Record

PROPERTY = "properties/"


def promised_properties(each: Object) -> set[str]:
    """The ids of the properties that the mapping reads."""
    return {path.split("/")[1] for path in each.source_fields() if path.startswith(PROPERTY)}


def row(record: Record) -> Record:
    """A record as the mapping reads it."""
    return record | {"properties": {name: _read(value) for name, value in record["properties"].items()}}


def external_property(each: Object) -> str:
    return each.external_id.split("/")[1]


def creation(each: Object, values: Record, hub_id: str, types: Mapping[str, str]) -> Record:
    """The body of a create."""
    properties = {name: one["value"] for name, one in values.get("properties", {}).items()} | {external_property(each): hub_id}
    body = each.read.get("set", {}) | _plain(values) | {"properties": _typed(properties, types)}
    return body | ({"parent": {"recordId": values["parentId"]}} if values.get("parentId") else {})


def change(each: Object, values: Record, hub_id: str, types: Mapping[str, str]) -> Record:
    """The body of an update: an empty property is removed."""
    properties = {name: one["value"] for name, one in values.get("properties", {}).items()} | {external_property(each): hub_id}
    body = _plain(values) | {"addProperties": _typed(properties, types)}
    if removed := [name for name, value in properties.items() if _is_empty(value)]:
        body["removeProperties"] = removed
    if "parentId" in values:
        body |= {"setParent": {"recordId": values["parentId"]}} if values["parentId"] else {"removeParent": True}
    return body


def _plain(values: Record) -> Record:
    return {name: value for name, value in values.items() if name not in ("properties", "parentId")}


def _typed(properties: Mapping[str, Any], types: Mapping[str, str]) -> Record:
    return {
        name: {"type": types.get(name, "string"), "value": _written(value)} for name, value in properties.items() if not _is_empty(value)
    }


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and not any(value.values()))


def _read(one: Any) -> Any:
    # A reference comes as a list of one where a record may point at several.
    one = one[0] if isinstance(one, list) and one else one
    value = one.get("value") if isinstance(one, Mapping) else None
    return one | {"value": value | {"street": "\n".join(value["lines"])}} if isinstance(value, Mapping) and value.get("lines") else one


def _written(value: Any) -> Any:
    if not isinstance(value, Mapping) or "street" not in value:
        return value
    return {part: text for part, text in value.items() if text and part != "street"} | {"lines": (value["street"] or "").split("\n")}
