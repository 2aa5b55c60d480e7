"""The records that we make of Tryton's parties, employees, projects, timesheet lines and invoices.

A party's address, mechanisms and identifiers are records of their own in Tryton; here they are part of the party.
"""

from hub.systems.connector import Record
from hub.systems.tryton import values
from hub.systems.tryton.shape import Shape, billing_address, mechanism, related, unmarked, value


def _party(raw: Record) -> Record:
    address = billing_address(raw) or {}
    return {
        "name": raw["name"],
        "code": raw["code"],
        "inactive": not raw["active"],
        "replaced_by": raw["replaced_by"],
        "tax_identifier": value(raw, "tax_identifier.code"),
        "customer_payment_term": value(raw, "customer_payment_term.name"),
        "address": {
            "street": address.get("street"),
            "postal_code": address.get("postal_code"),
            "city": address.get("city"),
            "subdivision": value(address, "subdivision.name"),
            "country": value(address, "country.code"),
        },
        **{kind: (mechanism(raw, kind) or {}).get("value") for kind in values.MECHANISMS},
    }


def _employee(raw: Record) -> Record:
    return {
        "name": value(raw, "party.name"),
        "code": value(raw, "party.code"),
        "email": value(raw, "party.email"),
        "active": bool(raw["active"]),
        "start_date": raw["start_date"],
        "end_date": raw["end_date"],
        "company": value(raw, "company.party.name"),
    }


def _project(raw: Record) -> Record:
    plain = ("number", "name", "party", "list_price", "timesheet_start_date", "timesheet_end_date")
    method = raw["project_invoice_method"]
    return {name: raw[name] for name in plain} | {
        "project_invoice_method": None if method == "manual" else method,  # Tryton's default says nothing of how it is billed
        "status": value(raw, "status.name"),
        "currency": value(raw, "currency.code"),
        "company": value(raw, "company.party.name"),
    }


def _line(raw: Record) -> Record:
    kind, _, project = (value(raw, "work.origin") or "").partition(",")
    return {
        "date": raw["date"],
        "hours": raw["duration"],
        "employee": raw["employee"],
        "uuid": raw["uuid"],
        "description": unmarked(raw["description"]) or None,
        "project": project if kind == "project.work" else None,
    }


def _invoice(raw: Record) -> Record:
    due = [each["maturity_date"] for each in related(raw, "lines_to_pay") if each["maturity_date"]]
    plain = ("number", "state", "invoice_date", "total_amount", "amount_to_pay", "party")
    return {name: raw[name] for name in plain} | {"due_date": max(due, default=None), "currency": value(raw, "currency.code")}


SHAPES = {
    "party.party": Shape(
        [
            "name",
            "code",
            "active",
            "replaced_by",
            "tax_identifier.code",
            "customer_payment_term.name",
            "addresses.active",
            "addresses.invoice",
            "addresses.street",
            "addresses.postal_code",
            "addresses.city",
            "addresses.subdivision.name",
            "addresses.country.code",
            "contact_mechanisms.active",
            "contact_mechanisms.type",
            "contact_mechanisms.value",
            "identifiers.code",
        ],
        {
            "": "party.party",
            "addresses": "party.address",
            "contact_mechanisms": "party.contact_mechanism",
            "identifiers": "party.identifier",
        },
        _party,
        "identifiers.code",
        values.party,
    ),
    "company.employee": Shape(
        ["party.name", "party.code", "party.email", "active", "start_date", "end_date", "company.party.name"],
        {"": "company.employee", "party": "party.party", "party.contact_mechanisms": "party.contact_mechanism"},
        _employee,
        "hub_id",
    ),
    "project.work": Shape(
        [
            "number",
            "name",
            "party",
            "list_price",
            "project_invoice_method",
            "timesheet_start_date",
            "timesheet_end_date",
            "comment",
            "status.name",
            "currency.code",
            "company.party.name",
        ],
        {"": "project.work", "timesheet_works": "timesheet.work"},
        _project,
        "comment",
        values.project,
        [["type", "=", "project"]],
    ),
    "timesheet.line": Shape(
        ["date", "duration", "employee", "uuid", "description", "work.origin"], {"": "timesheet.line"}, _line, "description", values.line
    ),
    "account.invoice": Shape(
        ["number", "state", "invoice_date", "total_amount", "amount_to_pay", "party", "currency.code", "lines_to_pay.maturity_date"],
        {"": "account.invoice"},
        _invoice,
        "hub_id",
        values.invoice,
        [["type", "=", "out"]],
    ),
}
