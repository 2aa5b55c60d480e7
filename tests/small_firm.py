"""A firm of two systems whose records are rows in this process: edited, merged and deleted by tests, read by the real hub."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets import cycle, observe
from assets.understand import understand
from hub import firm, journal, store
from hub.firm import Firm, Member
from hub.journal import Event, Journal
from hub.mapping import Object
from hub.systems.connector import Page, Seen

SETTINGS = "firm: Small Example\nsystems:\n  crm: {kind: ./crm, url: drop}\n  erp: {kind: ./erp, url: drop}\n"
CUSTOMER = """\
    is: customer
    key: Id
    changed: Stamp
    gone: {deleted: Gone, merged_into: Into}
    write: {update: true}
    fields:
      legal_name: Name
      tax_id: Vat
      website: Website
      phone: Phone
      billing_address: {street: Street, postcode: Zip}
      industry: Industry
"""
INVOICE = """\
  Invoice:
    is: invoice
    key: Id
    changed: Stamp
    gone: {deleted: Gone}
    fields:
      number: Number
      amount: {value: Amount, currency: Currency}
      customer: {from: Customer, object: Customer}
"""
SYSTEMS = {
    "crm": "system: crm\nrole: crm\nobjects:\n  Account:\n" + CUSTOMER,
    "erp": "system: erp\nrole: erp\nobjects:\n  Customer:\n" + CUSTOMER + INVOICE,
}
FIELDS = {
    "Account": ("Id", "Stamp", "Gone", "Into", "Name", "Vat", "Website", "Phone", "Street", "Zip", "Industry"),
    "Invoice": ("Id", "Stamp", "Gone", "Number", "Amount", "Currency", "Customer"),
}
FIELDS["Customer"] = FIELDS["Account"]


class Source:
    """A connector that tells the rows that changed since."""

    def __init__(self, tables: dict[str, dict[str, dict]]):
        self.tables = tables

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        rows = [row for row in self.tables[each.name].values() if row["Stamp"] > (since or "")]
        yield Page(rows, last=True, fields=frozenset(FIELDS[each.name]))

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        return dict.fromkeys(record_ids, Seen("unknown"))

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(frozen=True)
class Told(Member):
    tables: dict[str, dict[str, dict]] = None

    def connect(self) -> Source:
        return Source(self.tables)


class Small:
    """The firm, what people do in its systems, and its hub."""

    def __init__(self, folder: Path):
        for name, text in (("concord.yaml", SETTINGS), *((f"{name}/system.yaml", text) for name, text in SYSTEMS.items())):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        self.tables: dict[str, dict[str, dict]] = {"Account": {}, "Customer": {}, "Invoice": {}}
        self.stamp = 0
        found = firm.read(folder)
        self.firm: Firm = replace(found, systems={name: Told(**vars(member), tables=self.tables) for name, member in found.systems.items()})
        self.firm.state.mkdir(parents=True, exist_ok=True)
        cycle.prepare(self.firm)
        self.journal: Journal = journal.open(self.firm.journal)

    def say(self, ref: str, **values: Any) -> str:
        """A person writes a record: new, or other values of one that is there; returns its record_ref."""
        system, name, record_id = ref.split(":")
        self.stamp += 1
        blank = dict.fromkeys(FIELDS[name]) | {"Id": record_id, "Gone": False}
        row = self.tables[name].get(record_id, blank) | values
        self.tables[name][record_id] = row | {
            "Stamp": f"2026-01-01T{self.stamp // 3600:02}:{self.stamp // 60 % 60:02}:{self.stamp % 60:02}Z"
        }
        return ref

    def turn(self) -> None:
        for name in self.firm.systems:
            observe.observe(self.firm, name, self.journal)
        understand(self.firm, self.journal)

    def note(self, kind: str, subject: str, **body: Any) -> None:
        self.journal.append([Event(kind, subject, body, "Ann")])

    def hub(self, query: str, *values: Any) -> list[tuple]:
        with store.writing(self.firm.hub_file) as connection:
            return connection.execute(query, values).fetchall()

    def ties(self, entity: str = "customer") -> dict[str, str]:
        return dict(self.hub("SELECT record_ref, hub_id FROM journal.crossref WHERE entity = ? ORDER BY record_ref", entity))

    def golden(self, entity: str = "customer", columns: str = "legal_name") -> dict[str, Any]:
        return {
            hub_id: values[0] if len(values) == 1 else tuple(values)
            for hub_id, *values in self.hub(f"SELECT hub_id, {columns} FROM golden.{entity} ORDER BY 1")
        }
