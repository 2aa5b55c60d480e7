"""A simulated Kantata account, our connector to it, and what the tests write to it."""

from hub import mapping
from hub.systems.connector import Connection, Write
from hub.systems.kantata import connector, simulator
from hub.systems.simulator import Faults

SYSTEM = mapping.read(mapping.FOLDER / "kantata" / "system.yaml")
GROUPS, PROJECTS, USERS, TIME = (SYSTEM.objects[name] for name in ("workspace_groups", "workspaces", "users", "time_entries"))
FAST = SYSTEM.model_copy(update={"limits": {}})  # pacing is the HTTP client's, and proved there
PROJECT = {
    "title": "Ledger rollout",
    "start_date": "2026-01-05",
    "price_in_cents": 1_250_000,
    "status": {"key": "300"},
    "custom_fields": {"Project Code": "PR-7", "Fee Model": "Fixed Fee"},
}


class Account:
    """A served simulator and a connector to it."""

    def __init__(self, url: str, account: simulator.Simulator, faults: Faults):
        self.url, self.simulator, self.faults, self.tables = url, account, faults, account.tables
        self.connector = connector.connect(FAST, Connection(url, account.secrets))

    def read(self, each, since=None):
        """All rows, whether the read is complete, and its watermark."""
        pages = list(self.connector.read(each, since))
        return [row for page in pages for row in page.rows], pages[-1].last, pages[-1].watermark

    def write(self, each, *writes):
        return self.connector.write(each, writes)

    def look(self, each, key):
        return self.connector.look(each, [key])[key]


def log_time(account, count):
    return [
        account.tables["time_entries"].create({"workspace_id": "1", "user_id": "1", "date_performed": "2026-03-02", "time_in_minutes": 90})
        for _ in range(count)
    ]


def create(hub_id, **body):
    return Write(hub_id, "create", None, hub_id, body)


def update(key, version=None, hub_id="J-1", **body):
    return Write("1", "update", key, hub_id, body, version)
