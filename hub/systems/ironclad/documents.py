"""What an Ironclad account holds: signed records and the entities that signed them, with typed properties."""

from copy import deepcopy
from datetime import datetime
from typing import Any

from hub.systems.simulator import Clock, Record, Table

PROPERTIES = {
    "records": {
        "contractNumber": "string",
        "agreementDate": "date",
        "effectiveDate": "date",
        "expirationDate": "date",
        "contractValue": "monetary_amount",
        "hourlyRate": "monetary_amount",
        "feeModel": "string",
        "paymentTerms": "string",
        "serviceLine": "string",
        "contractingEntity": "string",
        "counterparty": "reference",
        "counterpartyName": "string",
        "concordId": "string",
    },
    "entities": {
        "entity_externalID": "string",
        "entity_alternativeNames": "string",
        "entity_taxId": "string",
        "entity_registrationNumber": "string",
        "entity_website": "string",
        "entity_phone": "string",
        "entity_pocEmail": "email",
        "entity_address": "address",
    },
}


class Documents(Table):
    """Records or entities. Properties may be seeded without their type, dates without a time, addresses with a street."""

    def __init__(self, clock: Clock, name: str):
        number = 1 + list(PROPERTIES).index(name)
        super().__init__(clock, _stamp, lambda each: f"{each:08x}-0000-4000-8000-{number:012x}")
        self.name = name

    def create(self, values: Record, record_id: str | None = None) -> str:
        new = {"name": "", "properties": {}} | (
            {"type": "contract", "attachments": {}, "links": [], "contractStatus": {"status": "indeterminate"}}
            if self.name == "records"
            else {"status": "active", "namedTypeIds": []}
        )
        record_id = super().create(new | self._as_shown(values), record_id)
        prefix = "IC" if self.name == "records" else "ENTITY"
        self.rows[record_id] |= {"id": record_id, "ironcladId": f"{prefix}-{len(self.rows) + len(self.gone)}"}
        return record_id

    def update(self, record_id: str, values: Record) -> None:
        for name in [name for name, one in values.get("properties", {}).items() if one["value"] is None]:
            self.rows[record_id]["properties"].pop(name, None)  # an empty property is none
        super().update(record_id, self._as_shown(values))

    def _as_shown(self, values: Record) -> Record:
        values, kinds = deepcopy(values), PROPERTIES[self.name]
        if "properties" in values:
            values["properties"] = {
                name: {"type": kinds[name], "value": _as_stored(kinds[name], one["value"])}
                for name, one in values["properties"].items()
                if one["value"] is not None
            }
        if isinstance(values.get("contractStatus"), dict):
            values["contractStatus"] = {"enhancedStatus": "unknown"} | values["contractStatus"]
        if "status" in values:
            values["status"] = values["status"].lower()
        return values


def _stamp(record: Record, at: datetime, created: bool) -> None:
    record["lastUpdated"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_stored(kind: str, value: Any) -> Any:
    if kind == "date" and len(value) == 10:
        return f"{value}T00:00:00Z"
    if kind == "address" and "street" in value:
        return {part: text for part, text in value.items() if part != "street"} | {"lines": (value["street"] or "").split("\n")}
    return value
