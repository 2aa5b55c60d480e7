"""What a Kantata account holds, and how its API shows it.

Two objects' worth is kept inside the record for whoever seeds it: `custom_fields` by name, and `external_reference`. The
API shows them where Kantata does, in objects of their own.
"""

from copy import deepcopy
from datetime import datetime, timedelta, timezone

from hub.systems.simulator import Clock, Record, Table

HERE = timezone(timedelta(hours=-8))  # an account's own time zone, in which Kantata stamps
STATUSES = {
    100: ("light", "Not Started"),
    110: ("light", "Estimate"),
    200: ("yellow", "On Hold"),
    300: ("green", "Active"),
    310: ("green", "In Progress"),
    400: ("grey", "Completed"),
    410: ("grey", "Cancelled"),
}
KINDS = {"workspaces": "Workspace", "workspace_groups": "WorkspaceGroup", "users": "User", "time_entries": "TimeEntry"}
NEW = {
    "workspaces": {
        "title": None,
        "account_id": 1,
        "archived": False,
        "description": None,
        "start_date": None,
        "due_date": None,
        "currency": "EUR",
        "price_in_cents": 0,
        "default_rate": None,
        "status": {"key": 100},
        "workspace_group_ids": [],
        "primary_workspace_group_id": None,
        "primary_maven_id": None,
    },
    "workspace_groups": {
        "name": None,
        "company": False,
        "contact_name": None,
        "email": None,
        "phone_number": None,
        "address": None,
        "website": None,
        "notes": None,
    },
    "users": {
        "full_name": None,
        "email_address": None,
        "headline": None,
        "disabled": False,
        "account_id": "1",
        "generic": False,
        "photo_path": None,
    },
    "time_entries": {
        "workspace_id": None,
        "user_id": None,
        "story_id": None,
        "date_performed": None,
        "time_in_minutes": 0,
        "billable": True,
        "notes": None,
        "rate_in_cents": 0,
        "currency": "EUR",
        "approved": False,
        "is_invoiced": False,
        "active_submission_id": None,
    },
}
TIME_STATUS = {
    "draft": {},
    "submitted": {"active_submission_id": "1"},
    "approved": {"approved": True},
    "invoiced": {"approved": True, "is_invoiced": True},
}


class Records(Table):
    """Records of one object. A custom field set alone leaves the record's own change stamp as it is."""

    def __init__(self, clock: Clock, name: str):
        super().__init__(clock, _stamp if name != "users" else lambda record, at, created: None)
        self.name, self.values_changed = name, {}

    def create(self, values: Record, record_id: str | None = None) -> str:
        record_id = super().create(
            NEW[self.name] | {"custom_fields": {}, "external_reference": None} | _as_shown(self.name, values), record_id
        )
        self.rows[record_id]["id"] = record_id
        for name in self.rows[record_id]["custom_fields"]:
            self.values_changed[record_id, name] = self.clock.at
        return record_id

    def update(self, record_id: str, values: Record) -> None:
        values = _as_shown(self.name, values)
        custom = values.pop("custom_fields", {})
        if values:
            super().update(record_id, values)
        for name, value in custom.items():
            self.rows[record_id]["custom_fields"][name] = value
            self.values_changed[record_id, name] = self.clock.tick()


class Account:
    """The records of an account.

    custom_fields   {subject type: {name: id}}
    hidden_fields   what the token's owner may not see, {object: field names}
    """

    def __init__(self, clock: Clock):
        self.tables = {name: Records(clock, name) for name in KINDS}
        self.custom_fields = {
            "Workspace": _numbered(["Project Code", "Fee Model", "Service Line", "Legal Entity"], 1),
            "User": _numbered(["Employee Number", "Worker Kind", "Legal Entity", "Cost Center"], 11),
        }
        self.hidden_fields: dict[str, set[str]] = {}

    def shown(self, name: str, key: str) -> Record:
        """A record as the API shows it."""
        row = dict(self.tables[name].rows[key])
        custom, reference = row.pop("custom_fields"), row.pop("external_reference")
        row["external_reference_ids"] = [f"{key}0{list(KINDS).index(name)}"] if reference else []
        if KINDS[name] in self.custom_fields:
            fields = self.custom_fields[KINDS[name]]
            given = [field for field, value in custom.items() if value is not None and field in fields]
            row["custom_field_value_ids"] = [f"{key}{fields[field]}" for field in given]
        if name == "workspaces":
            color, message = STATUSES[int(row["status"]["key"])]
            row["status"] = {"key": int(row["status"]["key"]), "color": color, "message": message}
            row["price"] = f"{(row['price_in_cents'] or 0) / 100:,.2f}"
            row["default_rate"] = None if row["default_rate"] is None else str(row["default_rate"])
        return {field: value for field, value in row.items() if field not in self.hidden_fields.get(name, ())}

    def reference(self, name: str, key: str) -> Record:
        """The external reference of a record that has one."""
        ours = self.tables[name].rows[key]["external_reference"]
        return ours | {"id": f"{key}0{list(KINDS).index(name)}", "subject_type": KINDS[name], "subject_id": key}

    def values(self, name: str, key: str) -> list[Record]:
        """The custom field values of a record."""
        return [value for field in self.tables[name].rows[key]["custom_fields"] if (value := self.value(name, key, field))]

    def value(self, name: str, key: str, field: str) -> Record | None:
        number = self.custom_fields[KINDS[name]].get(field)
        value = self.tables[name].rows[key]["custom_fields"][field]
        if number is None or value is None:
            return None
        at = self.tables[name].values_changed[key, field].astimezone(HERE).isoformat()
        return {
            "id": f"{key}{number}",
            "account_id": 1,
            "subject_type": KINDS[name],
            "subject_id": int(key),
            "subject_ref": {"key": name, "id": key},
            "custom_field_id": number,
            "custom_field_name": field,
            "type": "string",
            "value": value,
            "display_value": value,
            "can_edit": True,
            "setter_id": None,
            "created_at": at,
            "updated_at": at,
        }


def _as_shown(name: str, values: Record) -> Record:
    """Values as the record holds them. A time entry may be seeded with the one status that the hub reads of it."""
    values = deepcopy(values)
    if name == "time_entries" and "status" in values:
        values |= {"approved": False, "is_invoiced": False, "active_submission_id": None} | TIME_STATUS[values.pop("status")]
    return values


def _stamp(record: Record, at: datetime, created: bool) -> None:
    record["updated_at"] = at.astimezone(HERE).isoformat()
    if created:
        record["created_at"] = record["updated_at"]


def _numbered(names: list[str], start: int) -> dict[str, str]:
    return {name: str(start + number) for number, name in enumerate(names)}
