"""Doing it again is safe: rows under the contract of today, lines after a new consent, and nothing that nobody asked for."""

import pytest
import yaml
from played import Play

from assets.observe import observe
from hub import capture, firm, journal, mapping, projection, store
from hub.errors import Refused
from hub.journal import Event
from reconcile import plan, replay
from reconcile.exceptions import Trouble, opening

LEGACY = {
    "system": "legacy",
    "role": "legacy",
    "connector": "files",
    "auth": {"kind": "none", "secrets": []},
    "nested": False,
    "objects": {
        "customers": {
            "is": "customer",
            "key": "No",
            "read": {"pattern": "customers*.csv"},
            "fields": {
                "legal_name": "Name",
                "payment_terms": {"from": "Terms", "codes": {"30": "net_30"}},
                "credit_limit": {"value": "Limit", "currency": {"const": "EUR"}},
            },
        }
    },
}
FILE = "No,Name,Terms,Limit\n1,Ada Ltd,30,5\n2,Bea Ltd,45,5\n3,Cid Ltd,30,much\n"


class Office:
    """A firm whose one system is a drop folder."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "drop").mkdir()
        (folder / "legacy").mkdir()
        (folder / "concord.yaml").write_text(
            yaml.safe_dump({"firm": "Example", "systems": {"legacy": {"kind": "./legacy", "url": "drop"}}})
        )
        self.file = folder / "drop" / "customers.csv"
        self.file.write_text(FILE)
        self.describe("30")

    def describe(self, *terms):
        """Write system.yaml with codes for these terms."""
        each = LEGACY["objects"]["customers"]
        fields = each["fields"] | {"payment_terms": {"from": "Terms", "codes": {term: f"net_{term}" for term in terms}}}
        (self.folder / "legacy" / "system.yaml").write_text(yaml.safe_dump(LEGACY | {"objects": {"customers": each | {"fields": fields}}}))
        mapping.read.cache_clear()

    def observe(self):
        with journal.open(firm.read(self.folder).journal) as kept:
            return observe(firm.read(self.folder), "legacy", kept)

    def rows(self, query):
        with store.writing(firm.read(self.folder).hub_file) as connection:
            return connection.execute(query).fetchall()

    def waiting(self):
        return self.rows("SELECT record_id, reason, quarantined_at FROM capture.quarantine ORDER BY record_id")


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_a_row_comes_out_of_quarantine_when_the_contract_is_mended_though_its_file_is_gone(office):
    office.observe()
    before = office.waiting()
    office.file.unlink()
    office.describe("30", "45")

    seen = office.observe()

    assert [key for key, _, _ in before] == ["2", "3"]
    assert seen.released == {"customers": 1}
    assert office.waiting() == before[1:]
    assert office.rows('SELECT _id, "Terms" FROM capture."legacy__customers" ORDER BY _id') == [("1", "30"), ("2", "45")]


def test_under_the_same_contract_a_row_is_validated_again_only_when_somebody_asks(office):
    office.observe()
    office.file.unlink()
    unasked = office.observe().released

    with journal.open(firm.read(office.folder).journal) as kept:
        replay.request(kept, "legacy customers 2", "engineer")
    asked, again = office.observe().released, office.observe().released

    assert (unasked, asked, again) == ({}, {"customers": 0}, {})
    assert [key for key, _, _ in office.waiting()] == ["2", "3"]


def test_a_request_that_was_taken_back_does_nothing(office):
    office.observe()
    office.file.unlink()
    with journal.open(firm.read(office.folder).journal) as kept:
        replay.request(kept, "legacy customers", "engineer")
        replay.undo(kept, "legacy customers", "engineer")

        with pytest.raises(Refused, match="nothing was asked for"):
            replay.undo(kept, "legacy customers", "engineer")

    assert office.observe().released == {}


def test_a_replay_is_no_read_so_the_next_one_is_still_in_full(office):
    office.observe()
    office.file.unlink()
    office.describe("30", "45")
    office.observe()
    office.file.write_text(FILE)

    manifest = office.observe().manifests["customers"]

    assert (manifest.kind, manifest.rows, manifest.quarantined) == ("full", 3, 1)


def test_what_no_exception_is_about_and_what_needs_nobody_is_refused(tmp_path):
    with journal.open(tmp_path / "journal.sqlite") as kept:
        kept.append([opening(Trouble("unreachable", "crm Account", "no answer", "engineer"))])

        with pytest.raises(Refused, match="no exception is open"):
            replay.request(kept, "crm Contact", "engineer")
        with pytest.raises(Refused, match="tries again by itself"):
            replay.request(kept, "crm Account", "engineer")


RECORD = {"system": "crm", "object": "Account", "entity": "customer", "hub_id": "C-1", "record_id": "7", "action": "update"}
SEALED = Event(
    "plan.sealed",
    "plan",
    {
        "lines": [RECORD | {"line_id": "L1", "field": "legal_name", "base": "{}", "want": "{}"}],
        "gone": [],
    },
)


class Desk:
    """One line of a plan, approved and then rejected by its system."""

    about = "crm Account 7 legal_name"

    def __init__(self, kept):
        self.kept, self.connection = kept, store.connect()
        capture.prepare(self.connection)
        projection.prepare(self.connection)
        self.connection.execute("CREATE SCHEMA outbound")
        self.connection.execute("CREATE SCHEMA identity")
        self.connection.execute(
            "CREATE TABLE identity.doubt (entity VARCHAR, hub_id VARCHAR, system VARCHAR, object VARCHAR, record_ref VARCHAR)"
        )
        self.connection.execute("""
          CREATE TABLE outbound.delta AS SELECT 'L1' AS line_id, 'D1' AS discrepancy_id, 'update' AS action, 'customer' AS entity, 'C-1' AS hub_id, 'crm' AS system,
            'Account' AS object, '7' AS record_id, 'legal_name' AS field, '{}' AS base, '{}' AS want, '' AS why, NULL::TEXT AS held, NULL AS money, NULL AS currency""")
        plan.lay(self.connection)
        kept.append([SEALED])
        self.approve()
        kept.append([opening(Trouble("rejected", self.about, "too long", "crm"))])

    def approve(self):
        self.kept.append([Event("plan.approved", "plan", {"lines": ["L1"]}, "controller")])

    def push(self):
        self.kept.append(
            [
                Event(
                    "push.intended",
                    "P-1",
                    RECORD
                    | {
                        "push_id": "P-1",
                        "lines": ["L1"],
                        "fields": {"legal_name": {"base": "{}", "want": "{}", "why": ""}},
                    },
                ),
                Event("push.outcome", "P-1", {"state": "rejected"}),
            ]
        )

    def status(self):
        projection.load(self.connection, self.kept)
        return self.connection.execute("SELECT status FROM work.plan_line").fetchone()[0]


@pytest.fixture
def desk(tmp_path):
    with journal.open(tmp_path / "journal.sqlite") as kept:
        yield Desk(kept)


def test_a_line_whose_exception_was_closed_waits_for_a_new_consent(desk):
    held = desk.status()

    replay.request(desk.kept, desk.about, "controller")
    closed = desk.status()
    desk.approve()

    assert (held, closed, desk.status()) == ("held", "needs_consent", "approved")


def test_closing_an_exception_can_be_undone_until_the_line_is_pushed(desk):
    replay.request(desk.kept, desk.about, "controller")
    replay.undo(desk.kept, desk.about, "controller")
    undone = desk.status()

    replay.request(desk.kept, desk.about, "controller")
    desk.approve()
    desk.push()

    assert undone == "held"
    with pytest.raises(Refused, match="was pushed since"):
        replay.undo(desk.kept, desk.about, "controller")


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.observe()
    play.understand()
    yield play
    play.close()


def test_a_refused_line_is_held_until_somebody_asks_and_then_written(play):
    line = next(line for line in play.plan().lines if (line.system, line.object, line.field) == ("salesforce", "Account", "legal_name"))
    accounts = play.twin.simulators["salesforce"].tables["Account"]
    accounts.update(line.record_id, {"Name": "Renamed By Hand"})
    play.push()
    play.turn()
    kept_by_hand = accounts.rows[line.record_id]["Name"]

    replay.request(play.journal, line.about, "controller")
    play.turn()

    assert kept_by_hand == "Renamed By Hand"
    assert accounts.rows[line.record_id]["Name"] != "Renamed By Hand"


def test_a_row_that_an_incremental_read_does_not_show_again_is_validated_from_what_was_kept(play):
    ((key, at),) = play.rows("SELECT record_id, quarantined_at FROM capture.quarantine WHERE system = 'salesforce'")
    name = play.rows("SELECT object FROM capture.quarantine WHERE system = 'salesforce'")[0][0]
    replay.request(play.journal, f"salesforce {name} {key}", "engineer")

    play.observe()

    assert play.rows(
        "SELECT kind, row_count, quarantined FROM capture.snapshot WHERE system = 'salesforce' AND object = ? ORDER BY taken_at DESC LIMIT 1",
        name,
    ) == [("replay", 1, 1)]
    assert play.rows("SELECT quarantined_at FROM capture.quarantine WHERE system = 'salesforce'") == [(at,)]
