"""Our connector's words to a real Tryton 8.2: what the tests read and write."""

from hub import mapping
from hub.systems.connector import Write

SYSTEM = mapping.read(mapping.FOLDER / "tryton/system.yaml")
PARTY, PROJECT, LINE, INVOICE = (SYSTEM.objects[name] for name in ("party", "project", "timesheet_line", "invoice"))
NEW_CUSTOMER = {
    "legal_name": "Moorland Papier GmbH",
    "tax_id": "DE136695976",
    "website": "moorland.example",
    "email": "office@moorland.example",
    "phone": "+49 30 23125 130",
    "billing_address_street": "Am Markt 1",
    "billing_address_city": "Ulm",
    "billing_address_postcode": "89073",
    "billing_address_country": "DE",
    "payment_terms": "net_30",
}


def read(erp, each, since=None) -> list[dict]:
    pages = list(erp.read(each, since))
    assert pages[-1].last
    return [row for page in pages for row in page.rows]


def create(each, values, hub_id="C-0099") -> Write:
    return Write("w", "create", None, hub_id, mapping.outward(each, values))


def update(erp, each, record_id, values) -> Write:
    """A write with the version that the record has now."""
    return Write("w", "update", record_id, "C-0001", mapping.outward(each, values), erp.look(each, [record_id])[record_id].version)


def party(erp, name: str) -> str:
    return next(str(row["id"]) for row in read(erp, PARTY) if row["name"] == name)
