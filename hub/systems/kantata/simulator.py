"""A Kantata OX account over HTTP: listings by page, creates and updates, custom field values, events. Sources: head of system.yaml."""

from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.systems.kantata.account import HERE, KINDS, Account
from hub.systems.simulator import Clock, Record

REQUIRED = {
    "workspaces": ["title", "creator_role"],
    "workspace_groups": ["name"],
    "time_entries": ["workspace_id", "date_performed", "time_in_minutes"],
}
WRITABLE = {
    "workspaces": {
        "title",
        "start_date",
        "due_date",
        "currency",
        "workspace_group_ids",
        "primary_workspace_group_id",
        "archived",
        "external_reference",
    },
    "workspace_groups": {"name", "company", "contact_name", "email", "phone_number", "address", "website", "notes", "external_reference"},
    "users": {"full_name", "headline", "email_address", "external_reference"},
    "time_entries": {
        "workspace_id",
        "user_id",
        "story_id",
        "date_performed",
        "time_in_minutes",
        "billable",
        "notes",
        "rate_in_cents",
        "external_reference",
    },
}
AT_CREATION = {"workspaces": {"primary_maven_id"}}
HIDDEN = {"workspaces": ("archived", "include_archived"), "users": ("disabled", "show_disabled")}  # unless asked for


class Simulator(Account):
    def __init__(self, clock: Clock):
        super().__init__(clock)
        self.secrets, self.tokens = {"token": "demo-token-1"}, 1
        shown = {name: self._object(name) for name in KINDS}
        shown |= {"custom_fields": self._custom_fields, "custom_field_values": self._custom_field_values, "subscribed_events": self._events}
        self.app = Starlette(
            routes=[
                *(Route(f"/api/v1/{name}.json", self._authorised(self._listing(name, records))) for name, records in shown.items()),
                *(Route(f"/api/v1/{name}.json", self._authorised(self._create(name)), methods=["POST"]) for name in REQUIRED),
                *(Route(f"/api/v1/{name}/{{id}}.json", self._authorised(self._update(name)), methods=["PUT"]) for name in KINDS),
                Route("/api/v1/custom_field_values.json", self._authorised(self._set_value), methods=["POST"]),
                Route("/api/v1/custom_field_values/{id}.json", self._authorised(self._change_value), methods=["PUT", "DELETE"]),
            ]
        )

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
        page = [self.shown(name, each["id"]) if name in KINDS else each for each in found[(number - 1) * size : number * size]]
        answer = {
            "count": len(found),
            "results": [{"key": name, "id": each["id"]} for each in page],
            name: {each["id"]: each for each in page},
            "meta": {"count": len(found), "page_count": -(-len(found) // size), "page_number": number, "page_size": size},
        }
        if name in KINDS and "custom_field_values" in include:
            answer["custom_field_values"] = {value["id"]: value for each in page for value in self.values(name, each["id"])}
        if name in KINDS and "external_references" in include:
            answer["external_references"] = {
                key: self.reference(name, each["id"]) for each in page for key in each["external_reference_ids"]
            }
        return answer

    def _object(self, name: str):
        def records(asked: Any) -> list[Record]:
            flag, unhide = HIDDEN.get(name, ("", ""))
            found = [row for row in self.tables[name].rows.values() if asked.get(unhide) == "true" or not row.get(flag)]
            if refs := asked.get("external_reference_service_model_refs"):
                found = [row for row in found if (row["external_reference"] or {}).get("service_model_ref") in refs.split(",")]
            if name == "time_entries" and asked.get("from_archived_workspaces") != "true":
                archived = {key for key, row in self.tables["workspaces"].rows.items() if row["archived"]}
                found = [row for row in found if row["workspace_id"] not in archived]
            return found

        return records

    def _custom_fields(self, asked: Any) -> list[Record]:
        return [
            {"id": number, "name": name, "subject_type": subject, "value_type": "string"}
            for subject, fields in self.custom_fields.items()
            for name, number in fields.items()
            if asked.get("subject_type") in (None, subject)
        ]

    def _custom_field_values(self, asked: Any) -> list[Record]:
        names = [name for name, kind in KINDS.items() if kind == asked.get("subject_type") and kind in self.custom_fields]
        return [value for name in names for key in self.tables[name].rows for value in self.values(name, key)]

    def _events(self, asked: Any) -> list[Record]:
        gone = [(name, key, at) for name, table in self.tables.items() for key, (at, into) in table.gone.items()]
        events = [
            {
                "id": str(number),
                "event_type": f"{_singular(name)}:deleted",
                "subject_type": KINDS[name],
                "subject_id": int(key),
                "subject_changed_at": at.astimezone(HERE).isoformat(),
            }
            for number, (name, key, at) in enumerate(gone, 1)
        ]
        return [event for event in events if event["event_type"] in asked.get("event_types", event["event_type"]).split(",")]

    def _create(self, name: str):
        async def answer(request: Request) -> Response:
            values = (await request.json()).get(_singular(name), {})
            if missing := [field for field in REQUIRED[name] if values.get(field) in (None, "")]:
                return _refused(422, "validation", f"{missing[0].replace('_', ' ').capitalize()} can't be blank")
            key = self.tables[name].create(_permitted(name, values, creating=True))
            return JSONResponse(self._page(name, [self.tables[name].rows[key]], 1, 20, []))

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
            return JSONResponse(self._page(name, [self.tables[name].rows[key]], 1, 20, []))

        return answer

    async def _set_value(self, request: Request) -> Response:
        sent = (await request.json())["custom_field_value"]
        name, key = next(name for name, kind in KINDS.items() if kind == sent["subject_type"]), str(sent["subject_id"])
        field = next(
            (field for field, number in self.custom_fields[sent["subject_type"]].items() if number == sent["custom_field_id"]), None
        )
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
        shown = self.value(name, key, field)
        return JSONResponse(self._page("custom_field_values", [shown], 1, 20, [])) if shown else Response(status_code=204)


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
        limit = datetime.fromisoformat(after).astimezone(HERE).isoformat()
        records = [each for each in records if each["updated_at"] > limit]
    if asked.get("order") == "updated_at:desc":
        records = sorted(records, key=lambda each: each["updated_at"], reverse=True)
    return records


def _singular(name: str) -> str:
    return "time_entry" if name == "time_entries" else name.removesuffix("s")


def _refused(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"errors": [{"type": kind, "message": message}]}, status_code=status)
