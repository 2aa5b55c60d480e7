"""The small firm of the seeds: Salesforce and NetSuite cut down to a few fields, and its project folder.

Three firms, so that a turn costs as little as it can: `customers` and `invoices` hold one object a system, `both` holds the two
and with them the order in which things depend on each other. The records are real records of the vendors' simulators, read and
written by the product's own connectors; only the canonical entities have fewer columns than the shipped ones.
"""

import importlib
from pathlib import Path
from typing import Any

import yaml

from assets.understand import understand
from hub import entity, firm, journal, mapping, store
from hub.firm import Firm
from hub.systems.simulator import Clock

HERE = Path(__file__).parent / "small"
CUSTOMER = ["legal_name", "life_cycle", "registration_number", "website", "payment_terms", "legal_entity"]
INVOICE = ["number", "status", "due_on", "amount", "amount_open", "customer"]
OBJECTS = {"customer": {"salesforce": "Account", "netsuite": "customer"}, "invoice": {"salesforce": "Invoice__c", "netsuite": "invoice"}}
FIRMS = {"customers": {"customer": CUSTOMER}, "invoices": {"invoice": INVOICE[:-1]}, "both": {"customer": CUSTOMER, "invoice": INVOICE}}
SETTLES = 60  # seconds after which a read-back of these systems is to be believed

entity.FOLDER = HERE / "entities"  # before any rule is read; a process that imports this module plays seeds and does nothing else


def simulators(clock: Clock) -> dict[str, Any]:
    """Both systems, empty."""
    return {name: importlib.import_module(f"hub.systems.{name}.simulator").Simulator(clock) for name in ("salesforce", "netsuite")}


def write_project(folder: Path, kept: dict[str, list[str]], systems: dict[str, Any]) -> Firm:
    """Write the project folder of a firm that holds these fields, and read it."""
    (folder / "secrets").mkdir(parents=True)
    (folder / "ownership.yaml").write_text(_ownership(kept))
    members = {name: _member(folder, name, kept, each.secrets) for name, each in systems.items()}
    (folder / "concord.yaml").write_text(yaml.safe_dump({"firm": "Small Example", "ownership": "ownership.yaml", "systems": members}))
    return firm.read(folder)


def build_empty(the_firm: Firm) -> None:
    """Give the firm's state folder its tables, with nothing read."""
    with journal.open(the_firm.journal) as log:
        understand(the_firm, log)
    for compiling in the_firm.state.glob("model_state*"):  # what no step asks for is not copied with every opening
        compiling.unlink()
    _without_unread(the_firm)


def _without_unread(the_firm: Firm) -> None:
    """Without the views that no step asks for: whoever opens the file parses each of them, and a seed opens it often."""
    views = "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal AND (schema_name ~ '.*mart' OR view_name ~ 'cell|golden__cell.*')"
    with store.writing(the_firm.hub_file) as connection:
        for schema, name in connection.execute(views).fetchall():
            if "at_stake" not in name:
                connection.execute(f'DROP VIEW {schema}."{name}"')


def _ownership(kept: dict[str, list[str]]) -> str:
    said = yaml.safe_load((HERE / "ownership.yaml").read_text())
    return yaml.safe_dump({name: said[name] for name in kept})


def _member(folder: Path, name: str, kept: dict[str, list[str]], secrets: dict[str, str]) -> dict[str, Any]:
    (folder / name).mkdir()
    (folder / name / "system.yaml").write_text(yaml.safe_dump(_mapping(name, kept), sort_keys=False))
    for key, value in secrets.items():
        path = folder / "secrets" / f"{name}.{key}"
        path.touch(mode=0o600)
        path.write_text(value)
    references = {key: f"file:secrets/{name}.{key}" for key in secrets}
    options = {"rows": 4, "overlap_seconds": 2}  # small pages, so that there is something between them
    return {"kind": f"./{name}", "url": f"https://{name}.example", "secrets": references, "options": options}


def _mapping(name: str, kept: dict[str, list[str]]) -> dict[str, Any]:
    said = yaml.safe_load((mapping.FOLDER / name / "system.yaml").read_text())
    objects = {OBJECTS[of][name]: _cut(said["objects"][OBJECTS[of][name]], fields) for of, fields in kept.items()}
    # One request at a time: with several, their order would be the operating system's, and a seed would not tell the same twice.
    return said | {"connector": name, "limits": {"in_flight": 1}, "objects": objects}


def _cut(spec: dict[str, Any], kept: list[str]) -> dict[str, Any]:
    """An object with these fields only; what the others come from is ignored."""
    dropped = [path.split("/")[0] for name, field in spec["fields"].items() if name not in kept for path in _sources(field)]
    fields = {name: spec["fields"][name] for name in kept}
    read = spec.get("read", {})
    if read.get("table") == "customer":  # no address is read, so none is joined
        read = {"table": "customer", "deleted": read["deleted"]}
    write = spec["write"] | {"settles_in_seconds": SETTLES}
    return spec | {"fields": fields, "read": read, "write": write, "ignore": [*spec.get("ignore", []), *dropped]}


def _sources(field: Any) -> list[str]:
    if isinstance(field, str):
        return [field]
    if "from" in field:
        return [field["from"]]
    return [path for part in field.values() if isinstance(part, str | dict) and "const" not in part for path in _sources(part)]
