"""Kantata's custom fields: defined for the account, their values objects of their own, written a request each."""

from typing import Any

from hub.errors import ContractBroken
from hub.mapping import Object
from hub.systems.connector import Outcome, Record
from hub.systems.http import Http, InDoubt
from hub.systems.kantata import api, shape


class CustomFields:
    def __init__(self, http: Http):
        self.http = http
        self.known: dict[str, dict[str, str]] = {}  # subject -> name -> id

    def check(self, each: Object) -> None:
        """Raises ContractBroken when the account no longer has a field that the mapping reads."""
        promised = shape.promised_custom_fields(each)
        if missing := sorted(set(promised) - set(self._ids(each) if promised else ())):
            raise ContractBroken(
                f"{self.http.system} {each.name} has no custom field {', '.join(missing)}; add it there or correct system.yaml"
            )

    def touched(self, each: Object, changed: dict[str, str]) -> set[str]:
        """Ids of the records of which a custom field changed."""
        answers = api.pages(self.http, "custom_field_values", {"subject_type": each.read["subject"]} | changed)
        return {str(value["subject_id"]) for answer in answers for value in api.records("custom_field_values", answer)}

    def write(self, each: Object, done: Outcome, values: Record, answer: Record) -> None:
        """Set the custom fields of a record that is written, as the answer shows it. Raises InDoubt when one of them is refused."""
        there = {one["custom_field_name"]: one["id"] for one in shape.custom_values(answer[each.name][done.record_id], answer)}
        for name, value in values.items():
            if value is not None or name in there:
                self._set(each, done, name, value, there.get(name))

    def _set(self, each: Object, done: Outcome, name: str, value: Any, value_id: str | None) -> None:
        method = "POST" if value_id is None else "DELETE" if value is None else "PUT"
        new = {"subject_type": each.read["subject"], "subject_id": int(done.record_id), "custom_field_id": self._ids(each)[name]}
        body = {"custom_field_value": {"value": value} | (new if value_id is None else {})}
        response = self.http.send(method, api.path("custom_field_values", value_id), done.key, json=None if method == "DELETE" else body)
        if response.status_code >= 300:
            raise InDoubt(f"{name}: {response.status_code} {api.errors(self.http, response)}")

    def _ids(self, each: Object) -> dict[str, str]:
        subject = each.read["subject"]
        if subject not in self.known:
            answers = api.pages(self.http, "custom_fields", {"subject_type": subject})
            self.known[subject] = {field["name"]: field["id"] for answer in answers for field in api.records("custom_fields", answer)}
        return self.known[subject]
