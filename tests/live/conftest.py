"""Real systems for the tests in this folder: each test finds their databases as seeded, and a drop folder."""

from pathlib import Path

import drop_folder as crm
import pytest
import redmine_server
import tryton_erp
import tryton_server

from hub import mapping
from hub.mapping import System
from hub.systems.connector import Connection
from hub.systems.tryton import connector


@pytest.fixture(scope="session")
def running_tryton(tmp_path_factory):
    with tryton_server.running(tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture
def tryton(running_tryton):
    running_tryton.start_over()
    return running_tryton


@pytest.fixture
def erp(tryton):
    """Our connector to Tryton."""
    connected = connector.connect(tryton_erp.SYSTEM, Connection(tryton.url, tryton.secrets))
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def running_redmine(tmp_path_factory):
    with redmine_server.running(tmp_path_factory.mktemp("redmine")) as server:
        yield server


@pytest.fixture
def redmine(running_redmine):
    running_redmine.start_over()
    return running_redmine


@pytest.fixture
def drop_folder(tmp_path: Path) -> Path:
    crm.export(tmp_path / "drop")
    return tmp_path / "drop"


@pytest.fixture
def landscape(tryton, redmine, drop_folder) -> dict[str, tuple[System, Connection]]:
    """All three systems, {name: (what it is, where it is)}."""
    return {
        "crm": (mapping.read(Path(__file__).parent / "crm/system.yaml"), Connection(str(drop_folder))),
        "tryton": (mapping.read(mapping.FOLDER / "tryton/system.yaml"), Connection(tryton.url, tryton.secrets)),
        "redmine": (mapping.read(mapping.FOLDER / "redmine/system.yaml"), Connection(redmine.url, redmine.secrets)),
    }
