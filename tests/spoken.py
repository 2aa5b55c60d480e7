"""A firm of three small systems that say what a test lets them say, read through real snapshots."""

from datetime import UTC, datetime
from pathlib import Path

import yaml

from assets import correct, cycle, understand
from hub import capture, firm, journal, ownership, rules, snapshot, store
from hub.journal import Event
from hub.systems.connector import Page, Seen
from reconcile import plan

CUSTOMER = {
    "legal_name": "Name",
    "life_cycle": {"from": "Stage", "codes": {"Lead": "prospect", "Client": "customer"}},
    "tax_id": "Tax",
    "tax_code": {"from": "Taxed", "codes": {"S": "standard", "R": "reverse_charge"}},
    "registration_number": "Register",
    "website": "Web",
    "phone": "Phone",
    "industry": "Industry",
    "payment_terms": {"from": "Terms", "codes": {"N30": "net_30", "N60": "net_60"}},
    "collections_status": {"from": "Pays", "codes": {"ok": "current", "late": "overdue"}},
    "credit_limit": {"value": "Limit", "currency": "Currency"},
    "billing_address": {"street": "Street", "city": "City"},
    "legal_entity": "Company",
}
PROJECT = {
    "code": "Code",
    "name": "Name",
    "status": {"from": "State", "codes": {"open": "active"}},
    "parent": {"from": "Parent", "object": "projects"},
}
SYSTEMS = {
    "crm": {
        "accounts": {
            "is": "customer",
            "key": "Id",
            "changed": "Stamp",
            "edited_by": "Editor",
            "gone": {"deleted": "Deleted"},
            "fields": CUSTOMER,
        }
    },
    "erp": {
        "customers": {"is": "customer", "key": "Id", "fields": CUSTOMER},
        "projects": {"is": "project", "key": "Id", "external_id": "Hub", "fields": PROJECT},
    },
    "psa": {
        "clients": {
            "is": "customer",
            "key": "Id",
            "fields": {name: CUSTOMER[name] for name in ("legal_name", "registration_number", "phone")},
        },
        "projects": {"is": "project", "key": "Id", "external_id": "Hub", "fields": PROJECT},
    },
}


class Firm:
    """A firm at work. `said` holds what its systems hold now, {(system, object): {id: row}}."""

    def __init__(self, folder: Path, owns: str = ""):
        write_project(folder, owns)
        self.firm = firm.read(folder)
        cycle.prepare(self.firm)
        self.journal = journal.open(self.firm.journal)
        self.said = {(system, each): {} for system, objects in SYSTEMS.items() for each in objects}

    def say(self, ref: str, **fields) -> None:
        """What a system says of a record from now on; fields that are not named stay as they are."""
        system, each, key = ref.split(":")
        rows = self.said[system, each]
        rows[key] = rows.get(key, {"Id": key}) | fields

    def forget(self, ref: str) -> None:
        """The record is deleted in its system."""
        system, each, key = ref.split(":")
        del self.said[system, each][key]

    def read(self) -> None:
        """Read every object in full."""
        with store.writing(self.firm.hub_file) as connection:
            for (system, each), rows in self.said.items():
                known = connection.execute(f"SELECT _id FROM {capture.table(system, each)} WHERE _gone IS NULL").pl()["_id"]
                member = self.firm.systems[system].system
                held = member.objects[each]
                at = datetime.now(UTC)
                taken = snapshot.take(member, held, Holding(held, rows), self.firm.snapshots, at=at, known=known)
                capture.load(connection, member, held, taken, self.firm.snapshots)

    def turn(self) -> None:
        self.read()
        understand.understand(self.firm, self.journal)
        store.publish(self.firm.hub_file, self.firm.cuts, f"{datetime.now(UTC):%H%M%S%f}")

    def change_rules(self, text: str) -> None:
        """From now on ownership says so of these fields of a customer."""
        (self.firm.folder / "ownership.yaml").write_text(owned(text))
        rules.on_day.cache_clear()  # whoever changes a rule starts the hub anew
        ownership.read.cache_clear()

    def plan(self) -> plan.Plan:
        correct.make_plan(self.firm, self.journal)
        with store.writing(self.firm.hub_file) as connection:
            return plan.read(connection)

    def rows(self, query: str, *values) -> list[tuple]:
        with store.writing(self.firm.hub_file) as connection:
            return connection.execute(query, values).fetchall()

    def golden(self, *columns: str, of: str = "customer") -> list[tuple]:
        return self.rows(f"SELECT {', '.join(columns)} FROM golden.{of} ORDER BY hub_id")

    def cells(self, field: str, of: str = "customer") -> dict[str, tuple]:
        """What each record says on a field: {record_ref: (value, is it golden, why)}."""
        found = self.rows("SELECT record_ref, value, is_winner, reason FROM golden.cell WHERE entity = ? AND field = ?", of, field)
        return {ref: (value, is_winner, reason) for ref, value, is_winner, reason in found}

    def note(self, kind: str, subject: str, body: dict, actor: str = "steward") -> None:
        self.journal.append([Event(kind, subject, body, actor)])

    def close(self) -> None:
        self.journal.close()


class Holding:
    """A connector to a system that holds these rows."""

    def __init__(self, each, rows: dict[str, dict]):
        self.columns, self.rows = each.source_fields(), rows

    def read(self, each, since):
        nothing = dict.fromkeys(self.columns)
        yield Page([nothing | row for row in self.rows.values()], last=True)

    def look(self, each, record_ids, fields=()):
        return {key: Seen("deleted") for key in record_ids}


def write_project(folder: Path, owns: str) -> None:
    """The project folder; `owns` is YAML that takes the place of what ownership says of the fields of a customer."""
    folder.mkdir(parents=True, exist_ok=True)
    for system, objects in SYSTEMS.items():
        written = {each: spec | {"write": {"update": True, "create": True}, "expect": {"collapse": 1.0}} for each, spec in objects.items()}
        said = {"system": system, "role": system, "connector": "files", "nested": False, "objects": written}
        (folder / system).mkdir()
        (folder / system / "system.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
    (folder / "ownership.yaml").write_text(owned(owns))
    members = {system: {"kind": f"./{system}", "url": "drop", "user": "Concord"} for system in SYSTEMS}
    settings = {"firm": "Example Consulting", "ownership": "ownership.yaml", "systems": members}
    (folder / "concord.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def owned(text: str) -> str:
    """The hub's own ownership.yaml with other rules for some fields of a customer."""
    said = yaml.safe_load(ownership.FILE.read_text())
    fields = yaml.safe_load(text) or {}
    said["customer"] |= {"create": fields.pop("create")} if "create" in fields else {}
    said["customer"]["fields"] |= fields
    return yaml.safe_dump(said, sort_keys=False)
