"""A simulated Salesforce org for each test."""

import pytest
from salesforce_org import SYSTEM, Org

from hub.systems.connector import Connection
from hub.systems.salesforce import connector
from hub.systems.salesforce.simulator import Simulator
from hub.systems.simulator import Clock, Faults, Faulty, serving


@pytest.fixture
def org():
    simulator, faults = Simulator(Clock()), Faults()
    with serving({"salesforce": Faulty(simulator.app, faults)}) as urls:
        salesforce = connector.connect(SYSTEM, Connection(urls["salesforce"], simulator.secrets))
        yield Org(simulator, faults, urls["salesforce"], salesforce)
        salesforce.close()


@pytest.fixture
def five(org):
    """Five accounts, two to a page."""
    org.simulator.page_size = 2
    for number in range(1, 6):
        org.accounts.create({"Name": f"Firm {number}", "CurrencyIsoCode": "EUR"})
    return org
