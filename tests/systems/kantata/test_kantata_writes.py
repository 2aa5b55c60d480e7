"""What our connector writes to a Kantata account, and how it is told of what was not."""

import pytest
from kantata_account import FAST, GROUPS, PROJECT, PROJECTS, TIME, create, update

from hub import mapping, nested
from hub.systems.connector import Connection, Outcome
from hub.systems.kantata import connector

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
    assert {path: nested.get(row, path) for path in WRITTEN} == {
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
