"""Between Kantata's normalised answers and one flat record: custom fields by name, our external reference, time in one status."""

from decimal import Decimal
from typing import Any

from hub.mapping import Object
from hub.systems.connector import Record

SERVICE = "concord"
TIME = {"is_invoiced", "approved", "active_submission_id"}


def promised_custom_fields(each: Object) -> list[str]:
    """The names of the custom fields that the mapping reads."""
    return [path.removeprefix("custom_fields/") for path in each.source_fields() if path.startswith("custom_fields/")]


def row(each: Object, record: Record, answer: Record) -> Record:
    """A record with what the answer includes beside it: `custom_fields` by name, and our `external_reference`."""
    flat = record | {"external_reference": next(iter(references(each, record, answer)), None)}
    if names := promised_custom_fields(each):
        values = {value["custom_field_name"]: value["value"] for value in custom_values(record, answer)}
        flat["custom_fields"] = {name: values.get(name) for name in names}
    if each.of == "time_entry" and record.keys() >= TIME:
        flat["status"] = time_status(record)
    return flat


def references(each: Object, record: Record, answer: Record) -> list[Record]:
    """The external references of a record that are ours."""
    included = answer.get("external_references", {})
    ours = [included[key] for key in record.get("external_reference_ids") or [] if key in included]
    return [one for one in ours if one["service_name"] == SERVICE and one["service_model"] == each.of]


def custom_values(record: Record, answer: Record) -> list[Record]:
    """The custom field values of a record."""
    included = answer.get("custom_field_values", {})
    return [included[key] for key in record.get("custom_field_value_ids") or [] if key in included]


def time_status(entry: Record) -> str:
    """How far a time entry has come. A rejected submission is no longer active, so its entries are drafts again."""
    if entry["is_invoiced"]:
        return "invoiced"
    if entry["approved"]:
        return "approved"
    return "submitted" if entry["active_submission_id"] else "draft"


def body(each: Object, values: Record, hub_id: str, creating: bool) -> Record:
    """What a create or update sends: attributes as Kantata writes them, which is not always as it reads them."""
    sent: dict[str, Any] = {name: value for name, value in values.items() if name not in ("custom_fields", "status", "price_in_cents")}
    if "status" in values:
        sent["status_key"] = values["status"]["key"]
    if "price_in_cents" in values:
        cents = values["price_in_cents"]
        sent["price"] = None if cents is None else str(Decimal(cents) / 100)
    if creating:
        sent |= each.read.get("set", {})
        if group := sent.get("primary_workspace_group_id"):
            sent["workspace_group_ids"] = [group]  # the primary group is one of the groups
    sent["external_reference"] = {"service_name": SERVICE, "service_model": each.of, "service_model_ref": hub_id}
    return sent
