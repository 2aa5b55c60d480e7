"""What Tryton's create and write take, made of a body in our records' fields. One party with all its parts is one call."""

from hub.systems.connector import Record
from hub.systems.tryton import typed
from hub.systems.tryton.rpc import Refusal, Rpc
from hub.systems.tryton.shape import MARK, billing_address, marked, marks, mechanism, related

MECHANISMS = ("email", "phone", "website")


def party(connection: Rpc, options: dict, body: Record, raw: Record | None) -> Record:
    raw = raw or {}
    values = {name: body[name] for name in ("name", "code") if name in body}
    if "customer_payment_term" in body:
        values["customer_payment_term"] = _named(connection, "account.invoice.payment_term", "name", body["customer_payment_term"])
    if "address" in body:
        values["addresses"] = [_put(billing_address(raw), _address(connection, body["address"]))]
    mechanisms = [_put(mechanism(raw, kind), {"value": body[kind]}, {"type": kind}) for kind in MECHANISMS if kind in body]
    identifiers = []
    if "hub_id" in body:
        there = next((each for each in related(raw, "identifiers") if marks(each["code"])), None)
        identifiers.append(_put(there, {"code": MARK + body["hub_id"]}, {"type": None}))
    if "tax_identifier" in body:
        there = next(iter(related(raw, "tax_identifier")), None)
        identifiers.append(_put(there, {"code": body["tax_identifier"]}, {"type": options["tax_identifier_type"]}))
    several = {"contact_mechanisms": mechanisms, "identifiers": identifiers}
    return values | {name: [each for each in commands if each] for name, commands in several.items() if any(commands)}


def project(connection: Rpc, options: dict, body: Record, raw: Record | None) -> Record:
    values = {"type": "project", "timesheet_available": True} if raw is None else {}
    values |= {"name": body["name"]} if "name" in body else {}
    values |= {"project_invoice_method": body["project_invoice_method"] or "manual"} if "project_invoice_method" in body else {}
    values |= {name: body[name] and typed.moment(body[name]) for name in ("timesheet_start_date", "timesheet_end_date") if name in body}
    values |= {"list_price": body["list_price"] and typed.decimal(body["list_price"])} if "list_price" in body else {}
    values |= {"party": body["party"] and int(body["party"])} if "party" in body else {}
    values |= {"status": _named(connection, "project.work.status", "name", body["status"])} if "status" in body else {}
    return values | ({"comment": marked((raw or {}).get("comment"), [body["hub_id"]])} if "hub_id" in body else {})


def line(connection: Rpc, options: dict, body: Record, raw: Record | None) -> Record:
    values = {"date": typed.moment(body["date"])} if "date" in body else {}
    values |= {"duration": typed.hours(body["hours"])} if "hours" in body else {}
    values |= {"employee": int(body["employee"])} if "employee" in body else {}
    values |= {"work": _named(connection, "timesheet.work", "origin", f"project.work,{body['project']}")} if "project" in body else {}
    if "description" in body or "hub_id" in body:
        before = (raw or {}).get("description")
        hub_ids = [body["hub_id"]] if "hub_id" in body else marks(before)
        values["description"] = marked(body.get("description", before), hub_ids)
    return values


def invoice(connection: Rpc, options: dict, body: Record, raw: Record | None) -> Record:
    return {"invoice_date": body["invoice_date"] and typed.moment(body["invoice_date"])}


def _address(connection: Rpc, parts: Record) -> Record:
    values = {name: parts[name] for name in ("street", "postal_code", "city") if name in parts}
    if "country" in parts:
        values["country"] = _named(connection, "country.country", "code", parts["country"])
    if "subdivision" in parts:
        values["subdivision"] = _named(connection, "country.subdivision", "name", parts["subdivision"])
    return values


def _put(there: Record | None, values: Record, fixed: Record | None = None) -> list:
    """The command that gives one related record its values: create it, write it, or delete one that would be left empty."""
    empty = not any(values.values())
    if there is None:
        return [] if empty else ["create", [values | (fixed or {})]]
    return ["delete", [there["id"]]] if empty and fixed else ["write", [there["id"]], values]


def _named(connection: Rpc, model: str, name: str, wanted: str | None) -> int | None:
    """The id of the record that bears a name. Raises Refusal when Tryton has none, or several."""
    if wanted is None:
        return None
    found = connection.search_read(model, [[name, "=", wanted]], ["id"], limit=2)
    if len(found) != 1:
        raise Refusal("UserError", f"{len(found) or 'no'} {model} with {name} {wanted!r} in Tryton; make it one there, or change `codes`")
    return found[0]["id"]
