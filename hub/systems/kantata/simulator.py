"""A Kantata OX account: projects, groups, users and time, with custom fields and external references beside them.

What it knows of the API, see the head of system.yaml. Two tables' worth is kept inside the record for whoever seeds it:
`custom_fields` by name, and `external_reference`; the API shows them where Kantata does, in objects of their own.
"""

from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.systems.simulator import Clock, Record, Table

HERE = timezone(timedelta(hours=-8))  # an account's own time zone, in which Kantata stamps
STATUSES = {100: ("light", "Not Started"), 110: ("light", "Estimate"), 200: ("yellow", "On Hold"), 300: ("green", "Active"),
            310: ("green", "In Progress"), 400: ("grey", "Completed"), 410: ("grey", "Cancelled")}
KINDS = {"workspaces": "Workspace", "workspace_groups": "WorkspaceGroup", "users": "User", "time_entries": "TimeEntry"}
NEW = {
    "workspaces": {"title": None, "account_id": 1, "archived": False, "description": None, "start_date": None, "due_date": None,
                   "currency": "EUR", "price_in_cents": 0, "default_rate": None, "status": {"key": 100}, "workspace_group_ids": [],
                   "primary_workspace_group_id": None, "primary_maven_id": None},
    "workspace_groups": {"name": None, "company": False, "contact_name": None, "email": None, "phone_number": None, "address": None,
                         "website": None, "notes": None},
    "users": {"full_name": None, "email_address": None, "headline": None, "disabled": False, "account_id": "1", "generic": False, "photo_path": None},
    "time_entries": {"workspace_id": None, "user_id": None, "story_id": None, "date_performed": None, "time_in_minutes": 0, "billable": True,
                     "notes": None, "rate_in_cents": 0, "currency": "EUR", "approved": False, "is_invoiced": False,
                     "active_submission_id": None},
}
REQUIRED = {"workspaces": ["title", "creator_role"], "workspace_groups": ["name"],
            "time_entries": ["workspace_id", "date_performed", "time_in_minutes"]}
WRITABLE = {
    "workspaces": {"title", "start_date", "due_date", "currency", "workspace_group_ids", "primary_workspace_group_id", "archived",
                   "external_reference"},
    "workspace_groups": {"name", "company", "contact_name", "email", "phone_number", "address", "website", "notes", "external_reference"},
    "users": {"full_name", "headline", "email_address", "external_reference"},
    "time_entries": {"workspace_id", "user_id", "story_id", "date_performed", "time_in_minutes", "billable", "notes", "rate_in_cents",
                     "external_reference"},
}
AT_CREATION = {"workspaces": {"primary_maven_id"}}
HIDDEN = {"workspaces": ("archived", "include_archived"), "users": ("disabled", "show_disabled")}  # unless asked for
TIME_STATUS = {"draft": {}, "submitted": {"active_submission_id": "1"}, "approved": {"approved": True},
               "invoiced": {"approved": True, "is_invoiced": True}}


class Records(Table):
    """Records of one object. A custom field set alone leaves the record's own change stamp as it is."""

    def __init__(self, clock: Clock, name: str):
        super().__init__(clock, _stamp if name != "users" else lambda record, at, created: None)
        self.name, self.values_changed = name, {}

    def create(self, values: Record, record_id: str | None = None) -> str:
        record_id = super().create(NEW[self.name] | {"custom_fields": {}, "external_reference": None} | _as_shown(self.name, values), record_id)
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


class Simulator:
    """One account.

    custom_fields   the account's custom fields, {subject type: {name: id}}
    hidden_fields   what the token's owner may not see, {object: field names}
    """

    def __init__(self, clock: Clock):
        self.tables = {name: Records(clock, name) for name in KINDS}
        self.custom_fields = {"Workspace": _numbered(["Project Code", "Fee Model", "Service Line", "Legal Entity"], 1),
                              "User": _numbered(["Employee Number", "Worker Kind", "Legal Entity", "Cost Center"], 11)}
        self.hidden_fields: dict[str, set[str]] = {}
        self.secrets, self.tokens = {"token": "demo-token-1"}, 1
        shown = {name: self._object(name) for name in KINDS}
        shown |= {"custom_fields": self._custom_fields, "custom_field_values": self._custom_field_values, "subscribed_events": self._events}
        self.app = Starlette(routes=[
            *(Route(f"/api/v1/{name}.json", self._authorised(self._listing(name, records))) for name, records in shown.items()),
            *(Route(f"/api/v1/{name}.json", self._authorised(self._create(name)), methods=["POST"]) for name in REQUIRED),
            *(Route(f"/api/v1/{name}/{{id}}.json", self._authorised(self._update(name)), methods=["PUT"]) for name in KINDS),
            Route("/api/v1/custom_field_values.json", self._authorised(self._set_value), methods=["POST"]),
            Route("/api/v1/custom_field_values/{id}.json", self._authorised(self._change_value), methods=["PUT", "DELETE"]),
        ])

    def expire_tokens(self) -> None:
        """Refuse the token in use; an administrator has issued another, now in `secrets`."""
        self.tokens += 1
        self.secrets["token"] = f"demo-token-{self.tokens}"

    def _authorised(self, endpoint):
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self.secrets['token']}":
                return _refused(401, "oauth", "Invalid OAuth 2 Request")
            return await endpoint(request)
        return answer

    def _listing(self, name: str, records):
        async def answer(request: Request) -> Response:
            asked = request.query_params
            size, number = min(int(asked.get("per_page", 20)), 200), int(asked.get("page", 1))
            found = _filtered(records(asked), asked)
            return JSONResponse(self._page(name, found, number, size, asked.get("include", "").split(",")))
        return answer

    def _page(self, name: str, found: list[Record], number: int, size: int, include: list[str]) -> Record:
        page = found[(number - 1) * size:number * size]
        answer = {"count": len(found), "results": [{"key": name, "id": each["id"]} for each in page], name: {each["id"]: each for each in page},
                  "meta": {"count": len(found), "page_count": -(-len(found) // size), "page_number": number, "page_size": size}}
        if name in KINDS and "custom_field_values" in include:
            values = [self._value(name, each["id"], field) for each in page for field in self.tables[name].rows[each["id"]]["custom_fields"]]
            answer["custom_field_values"] = {value["id"]: value for value in values if value}
        if name in KINDS and "external_references" in include:
            answer["external_references"] = {key: self._reference(name, each["id"]) for each in page for key in each["external_reference_ids"]}
        return answer

    def _object(self, name: str):
        def records(asked: Any) -> list[Record]:
            flag, unhide = HIDDEN.get(name, ("", ""))
            shown = [self._shown(name, key) for key, row in self.tables[name].rows.items() if asked.get(unhide) == "true" or not row.get(flag)]
            if refs := asked.get("external_reference_service_model_refs"):
                shown = [each for each in shown if _hub_id(self.tables[name].rows[each["id"]]) in refs.split(",")]
            if name == "time_entries" and asked.get("from_archived_workspaces") != "true":
                archived = {key for key, row in self.tables["workspaces"].rows.items() if row["archived"]}
                shown = [each for each in shown if each["workspace_id"] not in archived]
            return shown
        return records

    def _shown(self, name: str, key: str) -> Record:
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

    def _reference(self, name: str, key: str) -> Record:
        ours = self.tables[name].rows[key]["external_reference"]
        return ours | {"id": f"{key}0{list(KINDS).index(name)}", "subject_type": KINDS[name], "subject_id": key}

    def _value(self, name: str, key: str, field: str) -> Record | None:
        number = self.custom_fields[KINDS[name]].get(field)
        value = self.tables[name].rows[key]["custom_fields"][field]
        if number is None or value is None:
            return None
        at = self.tables[name].values_changed[key, field].astimezone(HERE).isoformat()
        return {"id": f"{key}{number}", "account_id": 1, "subject_type": KINDS[name], "subject_id": int(key), "subject_ref": {"key": name, "id": key},
                "custom_field_id": number, "custom_field_name": field, "type": "string", "value": value, "display_value": value, "can_edit": True,
                "setter_id": None, "created_at": at, "updated_at": at}

    def _custom_fields(self, asked: Any) -> list[Record]:
        return [{"id": number, "name": name, "subject_type": subject, "value_type": "string"}
                for subject, fields in self.custom_fields.items() for name, number in fields.items() if asked.get("subject_type") in (None, subject)]

    def _custom_field_values(self, asked: Any) -> list[Record]:
        names = [name for name, kind in KINDS.items() if kind == asked.get("subject_type") and kind in self.custom_fields]
        values = [self._value(name, key, field) for name in names for key, row in self.tables[name].rows.items() for field in row["custom_fields"]]
        return [value for value in values if value]

    def _events(self, asked: Any) -> list[Record]:
        gone = [(name, key, at) for name, table in self.tables.items() for key, (at, into) in table.gone.items()]
        events = [{"id": str(number), "event_type": f"{_singular(name)}:deleted", "subject_type": KINDS[name], "subject_id": int(key),
                   "subject_changed_at": at.astimezone(HERE).isoformat()} for number, (name, key, at) in enumerate(gone, 1)]
        return [event for event in events if event["event_type"] in asked.get("event_types", event["event_type"]).split(",")]

    def _create(self, name: str):
        async def answer(request: Request) -> Response:
            values = (await request.json()).get(_singular(name), {})
            if missing := [field for field in REQUIRED[name] if values.get(field) in (None, "")]:
                return _refused(422, "validation", f"{missing[0].replace('_', ' ').capitalize()} can't be blank")
            key = self.tables[name].create(_permitted(name, values, creating=True))
            return JSONResponse(self._page(name, [self._shown(name, key)], 1, 20, []))
        return answer

    def _update(self, name: str):
        async def answer(request: Request) -> Response:
            key = request.path_params["id"]
            if key not in self.tables[name].rows:
                return _refused(404, "system", "Not found")
            if self.tables[name].rows[key].get("is_invoiced"):
                return _refused(422, "validation", "Time entry is locked because it is on an invoice")
            values = _permitted(name, (await request.json()).get(_singular(name), {}), creating=False)
            if any(values.get(field, "") is None for field in REQUIRED.get(name, [])):
                return _refused(422, "validation", "A required field can't be blank")
            self.tables[name].update(key, values)
            return JSONResponse(self._page(name, [self._shown(name, key)], 1, 20, []))
        return answer

    async def _set_value(self, request: Request) -> Response:
        sent = (await request.json())["custom_field_value"]
        name, key = next(name for name, kind in KINDS.items() if kind == sent["subject_type"]), str(sent["subject_id"])
        field = next((field for field, number in self.custom_fields[sent["subject_type"]].items() if number == sent["custom_field_id"]), None)
        if field is None or self.tables[name].rows[key]["custom_fields"].get(field) is not None:
            return _refused(422, "validation", "Custom field has already been taken" if field else "Custom field must exist")
        return self._put_value(name, key, field, sent["value"])

    async def _change_value(self, request: Request) -> Response:
        values = (value for kind in self.custom_fields for value in self._custom_field_values({"subject_type": kind}))
        value = next((value for value in values if value["id"] == request.path_params["id"]), None)
        if value is None:
            return _refused(404, "system", "Not found")
        new = None if request.method == "DELETE" else (await request.json())["custom_field_value"]["value"]
        return self._put_value(value["subject_ref"]["key"], value["subject_ref"]["id"], value["custom_field_name"], new)

    def _put_value(self, name: str, key: str, field: str, value: Any) -> Response:
        self.tables[name].update(key, {"custom_fields": {field: value}})
        shown = self._value(name, key, field)
        return JSONResponse(self._page("custom_field_values", [shown], 1, 20, [])) if shown else Response(status_code=204)


def _hub_id(row: Record) -> str | None:
    return (row["external_reference"] or {}).get("service_model_ref")


def _as_shown(name: str, values: Record) -> Record:
    """Values as the record holds them. A time entry may be seeded with the one status that the hub reads of it."""
    values = deepcopy(values)
    if name == "time_entries" and "status" in values:
        values |= {"approved": False, "is_invoiced": False, "active_submission_id": None} | TIME_STATUS[values.pop("status")]
    return values


def _permitted(name: str, values: Record, creating: bool) -> Record:
    """The attributes that Kantata takes; the others it passes over without a word."""
    allowed = WRITABLE[name] | (AT_CREATION.get(name, set()) if creating else set())
    taken = {field: value for field, value in values.items() if field in allowed}
    if name == "workspaces" and "status_key" in values:
        taken["status"] = {"key": int(values["status_key"])}
    if name == "workspaces" and "price" in values:
        taken["price_in_cents"] = round(float(values["price"] or 0) * 100)
    return taken


def _filtered(records: list[Record], asked: Any) -> list[Record]:
    if only := asked.get("only"):
        records = [each for each in records if each["id"] in only.split(",")]
    if after := asked.get("updated_after"):
        records = [each for each in records if datetime.fromisoformat(each["updated_at"]) > datetime.fromisoformat(after)]
    if asked.get("order") == "updated_at:desc":
        records = sorted(records, key=lambda each: datetime.fromisoformat(each["updated_at"]), reverse=True)
    return records


def _stamp(record: Record, at: datetime, created: bool) -> None:
    record["updated_at"] = at.astimezone(HERE).isoformat()
    if created:
        record["created_at"] = record["updated_at"]


def _numbered(names: list[str], start: int) -> dict[str, str]:
    return {name: str(start + number) for number, name in enumerate(names)}


def _singular(name: str) -> str:
    return "time_entry" if name == "time_entries" else name.removesuffix("s")


def _refused(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"errors": [{"type": kind, "message": message}]}, status_code=status)
