"""A simulated Kantata account for each test."""

import pytest
from kantata_account import Account

from hub.systems.kantata import simulator
from hub.systems.simulator import Clock, Faults, Faulty, serving


@pytest.fixture
def account():
    faults, simulated = Faults(), simulator.Simulator(Clock())
    with serving({"kantata": Faulty(simulated.app, faults)}) as urls:
        account = Account(urls["kantata"], simulated, faults)
        yield account
        account.connector.close()
