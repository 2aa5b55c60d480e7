"""Our connector against the Kantata simulator over HTTP, and the Singer tap for Kantata, unchanged, against it too."""

import json
import os
import subprocess
from collections import Counter

import pytest

from hub import mapping
from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Outcome, Seen, Write
from hub.systems.kantata import connector, simulator
from hub.systems.simulator import Clock, Faults, Faulty, serving

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

WRITTEN = [
    "title",
    "status/key",
    "start_date",
    "price_in_cents",
    "currency",
    "primary_workspace_group_id",
    "workspace_group_ids",
    "primary_maven_id",
    "external_reference/service_model_ref",
]


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


@pytest.fixture
def account():
    faults, simulated = Faults(), simulator.Simulator(Clock())
    with serving({"kantata": Faulty(simulated.app, faults)}) as urls:
        account = Account(urls["kantata"], simulated, faults)
        yield account
        account.connector.close()


def log_time(account, count):
    return [
        account.tables["time_entries"].create({"workspace_id": "1", "user_id": "1", "date_performed": "2026-03-02", "time_in_minutes": 90})
        for _ in range(count)
    ]


def create(hub_id, **body):
    return Write(hub_id, "create", None, hub_id, body)


def update(key, version=None, hub_id="J-1", **body):
    return Write("1", "update", key, hub_id, body, version)


def test_a_full_read_brings_every_page_and_only_the_last_one_ends_it(account):
    keys = log_time(account, 450)

    pages = list(account.connector.read(TIME, None))

    assert [len(page.rows) for page in pages] == [200, 200, 50, 0]
    assert [page.last for page in pages] == [False, False, False, True]
    assert {row["id"] for page in pages for row in page.rows} == set(keys)


def test_a_project_shows_its_custom_fields_by_name_and_our_id_beside_them(account):
    key = account.tables["workspaces"].create(PROJECT)
    account.write(PROJECTS, update(key))

    (row,), complete, _ = account.read(PROJECTS)

    assert complete
    assert {path: mapping.get(row, path) for path in PROJECTS.source_fields()} == {
        "id": "1001",
        "external_reference/service_model_ref": "J-1",
        "updated_at": "2026-11-02T00:00:02-08:00",
        "custom_fields/Project Code": "PR-7",
        "title": "Ledger rollout",
        "status/key": 300,
        "start_date": "2026-01-05",
        "due_date": None,
        "price_in_cents": 1250000,
        "currency": "EUR",
        "default_rate": None,
        "custom_fields/Fee Model": "Fixed Fee",
        "custom_fields/Service Line": None,
        "custom_fields/Legal Entity": None,
        "primary_workspace_group_id": None,
        "primary_maven_id": None,
    }


def test_every_field_that_kantata_sends_is_mapped_or_ignored_by_name(account):
    for each in SYSTEM.objects.values():
        account.tables[each.name].create({"company": True} if each is GROUPS else {})

        (row,), _, _ = account.read(each)

        assert set(row) - {path.split("/")[0] for path in each.source_fields()} - set(each.ignore) == set()


def test_a_label_is_not_a_customer_and_an_archived_project_and_a_leaver_are_still_read(account):
    company = account.tables["workspace_groups"].create({"name": "Acme", "company": True})
    account.tables["workspace_groups"].create({"name": "Strategic"})
    project = account.tables["workspaces"].create(PROJECT | {"archived": True})
    user = account.tables["users"].create({"full_name": "Ada Example", "disabled": True})

    read = [[row["id"] for row in account.read(each)[0]] for each in (GROUPS, PROJECTS, USERS)]

    assert read == [[company], [project], [user]]


def test_time_is_draft_submitted_approved_or_invoiced(account):
    for state in ("draft", "submitted", "approved", "invoiced"):
        account.tables["time_entries"].create({"time_in_minutes": 50, "status": state})

    rows, _, _ = account.read(TIME)

    assert [row["status"] for row in reversed(rows)] == ["draft", "submitted", "approved", "invoiced"]


def test_an_incremental_read_brings_what_changed_at_its_watermark_or_later(account):
    first, second = log_time(account, 2)
    _, _, watermark = account.read(TIME)
    account.tables["time_entries"].update(first, {"notes": "Corrected"})

    rows, complete, later = account.read(TIME, watermark)

    assert (watermark, later) == ("2026-11-02T08:00:02+00:00", "2026-11-02T08:00:03+00:00")
    assert complete
    assert [row["id"] for row in rows] == [first, second]  # the second changed exactly at the watermark


def test_an_incremental_read_without_news_keeps_its_watermark(account):
    log_time(account, 1)

    assert account.read(TIME, "2026-12-01T00:00:00+00:00") == ([], True, "2026-12-01T00:00:00+00:00")


def test_an_incremental_read_brings_a_project_of_which_only_a_custom_field_changed(account):
    key = account.tables["workspaces"].create(PROJECT)
    account.tables["workspaces"].create(PROJECT)
    _, _, watermark = account.read(PROJECTS)
    account.tables["workspaces"].update(key, {"custom_fields": {"Project Code": "PR-8"}})

    rows, complete, _ = account.read(PROJECTS, watermark)

    assert complete
    assert {row["id"]: row["custom_fields"]["Project Code"] for row in rows}[key] == "PR-8"


def test_a_record_deleted_between_two_pages_leaves_the_read_partial(account):
    keys = log_time(account, 300)
    pages = account.connector.read(TIME, None)
    next(pages)
    account.tables["time_entries"].delete(keys[-1])

    *_, end = pages

    assert not end.last  # the deletion pulled an entry up to the page that was read already


def test_records_made_and_changed_between_two_pages_are_in_the_same_read(account):
    keys = log_time(account, 300)
    pages = account.connector.read(TIME, None)
    seen = next(pages).rows
    account.tables["time_entries"].update(keys[0], {"notes": "Late"})
    keys += log_time(account, 1)

    rest = list(pages)

    assert rest[-1].last
    assert sorted(row["id"] for rows in [seen, *(page.rows for page in rest)] for row in rows) == keys
    assert rest[-1].watermark == "2026-11-02T08:05:00+00:00"  # of the first page: what came later is read again


def test_a_listing_that_shuffles_equal_stamps_between_two_pages_leaves_the_read_partial(account):
    _, *others = log_time(account, 500)
    entries = account.tables["time_entries"].rows
    for key in others:
        entries[key]["updated_at"] = "2026-11-01T00:00:00-08:00"
    pages = account.connector.read(TIME, None)
    next(pages)
    account.tables["time_entries"].rows = dict(reversed(entries.items()))

    *_, end = pages

    assert not end.last


def test_a_token_replaced_between_two_pages_is_taken_from_the_keyring(account):
    log_time(account, 201)
    pages = account.connector.read(TIME, None)
    next(pages)
    account.simulator.expire_tokens()

    assert [page.last for page in pages] == [False, True]


def test_a_revoked_token_makes_kantata_unavailable_and_never_empty(account):
    log_time(account, 1)
    reader = connector.connect(FAST, Connection(account.url, {"token": "demo-token-old"}))

    with pytest.raises(SystemUnavailable, match="Invalid OAuth 2 Request"):
        list(reader.read(TIME, None))

    assert reader.look(TIME, ["1001"]) == {"1001": Seen("unknown")}


def test_a_read_outlives_a_short_outage(account):
    log_time(account, 1)
    account.faults.add("status", 503, path="time_entries")
    account.faults.add("status", 429, path="time_entries")

    assert account.read(TIME)[1]


@pytest.mark.parametrize("status", [200, 403, 404])
def test_an_answer_without_records_is_never_an_empty_read(account, status):
    account.faults.add("status", status, path="time_entries")

    with pytest.raises((ContractBroken, SystemUnavailable)):
        account.read(TIME)


def test_a_page_that_brings_fewer_records_than_it_announces_breaks_the_read(account, monkeypatch):
    log_time(account, 3)
    whole = account.simulator._page
    monkeypatch.setattr(account.simulator, "_page", lambda *given: whole(*given) | {"results": whole(*given)["results"][:2]})

    with pytest.raises(ContractBroken, match="announces 3 records and brings 2"):
        account.read(TIME)


def test_a_budget_that_the_token_may_not_see_breaks_the_contract(account):
    account.tables["workspaces"].create(PROJECT)
    account.simulator.hidden_fields["workspaces"] = {"price_in_cents"}

    with pytest.raises(ContractBroken, match="no longer sends price_in_cents"):
        account.read(PROJECTS)


def test_a_custom_field_that_is_gone_breaks_the_contract(account):
    del account.simulator.custom_fields["Workspace"]["Project Code"]

    with pytest.raises(ContractBroken, match="has no custom field Project Code"):
        account.read(PROJECTS)


def test_a_record_is_deleted_only_when_the_events_say_so(account):
    there, gone = log_time(account, 2)
    account.tables["time_entries"].delete(gone)

    seen = account.connector.look(TIME, [there, gone, "9999"])

    assert {key: one.state for key, one in seen.items()} == {there: "there", gone: "deleted", "9999": "unknown"}


def test_a_refused_event_feed_leaves_an_absent_record_unknown(account):
    (gone,) = log_time(account, 1)
    account.tables["time_entries"].delete(gone)
    account.faults.add("status", 403, path="subscribed_events")

    assert account.look(TIME, gone) == Seen("unknown")


def test_a_created_project_reads_back_as_it_was_written(account):
    group = account.tables["workspace_groups"].create({"name": "Acme", "company": True})
    values = {
        "code": "PR-9",
        "name": "Audit",
        "status": "active",
        "starts_on": "2026-02-01",
        "budget": 12500.5,
        "budget_currency": "EUR",
        "fee_model": "retainer",
        "service_line": "advisory",
        "customer_ref": group,
        "manager_ref": "1",
    }
    body = mapping.outward(PROJECTS, values)

    (done,) = account.write(PROJECTS, create("J-9", **body))
    row = account.look(PROJECTS, done.record_id).row

    assert done == Outcome("J-9", "acknowledged", "1001")
    assert {path: mapping.get(row, path) for path in WRITTEN} == {
        "title": "Audit",
        "status/key": 300,
        "start_date": "2026-02-01",
        "price_in_cents": 1250050,
        "currency": "EUR",
        "primary_workspace_group_id": group,
        "workspace_group_ids": [group],
        "primary_maven_id": "1",
        "external_reference/service_model_ref": "J-9",
    }
    assert row["custom_fields"] == {"Project Code": "PR-9", "Fee Model": "Retainer", "Service Line": "Advisory", "Legal Entity": None}


def test_hours_go_back_as_the_minutes_they_came_from():
    assert mapping.outward(TIME, {"hours": 0.8333}) == {"time_in_minutes": 50}


def test_a_custom_field_is_changed_set_and_cleared(account):
    key = account.tables["workspaces"].create(PROJECT)

    (done,) = account.write(PROJECTS, update(key, custom_fields={"Project Code": "PR-8", "Fee Model": None, "Legal Entity": "DE01"}))

    now = account.look(PROJECTS, key).row["custom_fields"]
    assert done.state == "acknowledged"
    assert now == {"Project Code": "PR-8", "Fee Model": None, "Service Line": None, "Legal Entity": "DE01"}


def test_a_create_cut_off_after_the_commit_is_in_doubt_and_found_once(account):
    account.faults.add("cut_after", method="POST", path="workspace_groups")

    (doubt,) = account.write(GROUPS, create("C-1", name="Acme"))

    assert doubt.state == "in_doubt"
    assert account.connector.find(GROUPS, ["C-1", "C-2"]) == {"C-1": ["1001"]}


def test_a_create_cut_off_before_the_commit_is_in_doubt_and_not_found(account):
    account.faults.add("cut_before", method="POST", path="workspace_groups")

    (doubt,) = account.write(GROUPS, create("C-1", name="Acme"))

    assert doubt.state == "in_doubt"
    assert account.connector.find(GROUPS, ["C-1"]) == {}


def test_a_failure_between_the_project_and_its_custom_fields_is_a_doubt_about_one_known_record(account):
    account.faults.add("status", 500, method="POST", path="custom_field_values")

    (doubt,) = account.write(PROJECTS, create("J-1", title="Audit", custom_fields={"Project Code": "PR-9"}))

    assert (doubt.state, doubt.record_id) == ("in_doubt", "1001")
    assert account.connector.find(PROJECTS, ["J-1"]) == {"J-1": ["1001"]}


@pytest.mark.parametrize("edit", [{"title": "Renamed by hand"}, {"custom_fields": {"Project Code": "PR-HAND"}}])
def test_a_person_who_edits_between_look_and_write_keeps_the_edit(account, edit):
    key = account.tables["workspaces"].create(PROJECT)
    version = account.look(PROJECTS, key).version
    account.tables["workspaces"].update(key, edit)

    (refused,) = account.write(PROJECTS, update(key, version, title="Audit", custom_fields={"Project Code": "PR-9"}))

    assert refused == Outcome("1", "moved", key, "there, and not as it was looked at")
    row = account.look(PROJECTS, key).row
    assert row["title"] == edit.get("title", "Ledger rollout")
    assert row["custom_fields"]["Project Code"] == edit.get("custom_fields", {}).get("Project Code", "PR-7")


def test_one_refused_write_does_not_keep_the_others_back(account):
    invoiced = account.tables["time_entries"].create({"workspace_id": "1", "status": "invoiced"})

    outcomes = account.write(
        TIME,
        create("T-1", workspace_id="1", date_performed="2026-03-02", time_in_minutes=60),
        create("T-2", workspace_id="1"),
        update(invoiced, hub_id="T-3", notes="Changed"),
    )

    assert outcomes == [
        Outcome("T-1", "acknowledged", "1002"),
        Outcome("T-2", "rejected", None, "422 Date performed can't be blank"),
        Outcome("1", "rejected", invoiced, "422 Time entry is locked because it is on an invoice"),
    ]


def test_a_write_that_never_left_is_rejected_and_says_so(account):
    unreachable = connector.connect(FAST, Connection("http://127.0.0.1:9", account.simulator.secrets))

    (refused,) = unreachable.write(GROUPS, [create("C-1", name="Acme")])

    assert refused.state == "rejected"
    assert refused.message.startswith("not sent: ")


# The tap pins a `requests` of 2018, which Python 3.11 cannot import; its own code is installed as published.
NEWER = "requests>=2.32\nurllib3>=2\nidna>=3\nchardet>=5\npython-dateutil>=2.9,<3\n"
INSTALL = "uv venv -q env && uv pip install -q --python env/bin/python --override newer.txt tap-mavenlink==0.0.3"
TAP = """
import tap_mavenlink
from tap_mavenlink.streams.base import BaseStream
BaseStream.get_url = lambda stream: "{url}/api/v1" + stream.path
tap_mavenlink.main()
"""
READ_BY_TAP = {
    "time_entries": 401,
    "workspaces": 1,
    "workspace_groups": 1,
    "users": 1,
    "custom_fields": 8,
    "workspace_custom_field_values": 2,
}


def run_tap(folder, url, *arguments):
    """The messages that the tap prints, in an environment of its own."""
    command = [folder / "env" / "bin" / "python", "-c", TAP.format(url=url), "--config", folder / "config.json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


@pytest.mark.live
def test_the_singer_tap_reads_the_account_to_the_last_page(account, tmp_path):
    log_time(account, 401)
    account.tables["workspaces"].create(PROJECT | {"archived": True})
    account.tables["workspace_groups"].create({"name": "Acme", "company": True})
    account.tables["users"].create({"full_name": "Ada Example", "custom_fields": {"Employee Number": "0007"}})
    (tmp_path / "newer.txt").write_text(NEWER)
    (tmp_path / "config.json").write_text(json.dumps(account.simulator.secrets))
    installed = subprocess.run(INSTALL, shell=True, cwd=tmp_path, capture_output=True, text=True)  # noqa: S602
    if installed.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(installed.stderr[-500:])

    catalog = json.loads(run_tap(tmp_path, account.url, "--discover"))
    for stream in catalog["streams"]:
        for part in stream["metadata"] if stream["stream"] in READ_BY_TAP else []:
            part["metadata"]["selected"] = True
        stream["schema"]["selected"] = stream["stream"] in READ_BY_TAP
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    messages = [json.loads(line) for line in run_tap(tmp_path, account.url, "--catalog", tmp_path / "catalog.json").splitlines()]

    assert Counter(message["stream"] for message in messages if message["type"] == "RECORD") == READ_BY_TAP
