"""A simulated Salesforce org, our connector to it, and what the tests write to it."""

from dataclasses import dataclass

from hub import mapping
from hub.systems.connector import Write
from hub.systems.salesforce import connector
from hub.systems.salesforce.simulator import Simulator
from hub.systems.simulator import Faults

SYSTEM = mapping.read(mapping.FOLDER / "salesforce" / "system.yaml")
ACCOUNT, CONTACT, INVOICE = (SYSTEM.objects[name] for name in ("Account", "Contact", "Invoice__c"))


@dataclass
class Org:
    """A simulated org at an address, and our connector to it."""

    simulator: Simulator
    faults: Faults
    url: str
    salesforce: connector.Salesforce

    @property
    def accounts(self):
        return self.simulator.tables["Account"]


def ids(org, table="Account"):
    return list(org.simulator.tables[table].rows)


def names(pages):
    return [row["Name"] for page in pages for row in page.rows]


def create(key, hub_id, **body):
    return Write(key, "create", None, hub_id, body)


def update(key, record_id, version=None, **body):
    return Write(key, "update", record_id, "C-1", body, version)
