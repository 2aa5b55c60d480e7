"""Rules that hold in some of our legal entities, or from a day on: whose value survives, who is told to carry it, and why."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from spoken import Firm
from starlette.testclient import TestClient

from hub import rules
from reconcile.web.app import app

RULES = """
legal_name:
  - {owner: crm, else: erp, in: [DE01, UK01], mirror: erp}
  - {owner: erp, else: crm, in: elsewhere, while: [customer, closed], mirror: crm}
  - {owner: crm, else: erp, in: elsewhere, while: prospect}
"""
DIFFERS = "SELECT record_ref, field, should FROM discrepancy.value_differs ORDER BY 1"


@pytest.fixture
def firm(tmp_path):
    found = Firm(tmp_path / "firm", RULES)
    yield found
    found.close()


def both(firm, number, **said):
    """A customer that sales and finance call otherwise."""
    firm.say(f"crm:accounts:A{number}", Register=f"R{number}", Name="Example Works", **said)
    firm.say(f"erp:customers:{number}", Register=f"R{number}", Name="Example Works GmbH", **said)


def test_the_legal_entity_of_a_record_picks_its_rule(firm):
    both(firm, 1, Company="DE01", Stage="Client")
    both(firm, 2, Company="US01", Stage="Client")
    both(firm, 3, Company="US01", Stage="Lead")
    both(firm, 4, Stage="Client")

    firm.turn()

    assert firm.golden("legal_name_from") == [("crm:accounts:A1",), ("erp:customers:2",), ("crm:accounts:A3",), ("erp:customers:4",)]
    assert firm.rows(DIFFERS) == [
        ("crm:accounts:A2", "legal_name", '{"legal_name":"Example Works GmbH"}'),
        ("crm:accounts:A4", "legal_name", '{"legal_name":"Example Works GmbH"}'),
        ("erp:customers:1", "legal_name", '{"legal_name":"Example Works"}'),
    ]
    assert [(line.system, line.record_id) for line in firm.plan().lines if line.field == "legal_name"] == [
        ("crm", "A2"),
        ("crm", "A4"),
        ("erp", "1"),
    ]


def test_every_value_says_under_which_rule_it_won_or_lost(firm):
    both(firm, 1, Company="DE01", Stage="Client")
    both(firm, 2, Company="US01", Stage="Client")

    firm.turn()

    assert {ref: why for ref, (_, _, why) in firm.cells("legal_name").items()} == {
        "crm:accounts:A1": "owner in DE01 or UK01",
        "erp:customers:1": "lost: crm owns legal_name in DE01 or UK01",
        "erp:customers:2": "owner while customer or closed elsewhere",
        "crm:accounts:A2": "lost: erp owns legal_name while customer or closed elsewhere",
    }


def test_a_record_that_moves_to_another_legal_entity_of_ours_gets_the_rule_of_that_one(firm):
    both(firm, 1, Company="US01", Stage="Client")
    firm.turn()

    both(firm, 1, Company="DE01", Stage="Client")
    firm.turn()

    assert firm.golden("legal_name_from") == [("crm:accounts:A1",)]


def test_a_pinned_legal_entity_picks_the_rule(firm):
    both(firm, 1, Company="US01", Stage="Client")
    firm.turn()

    firm.note(
        "value.pinned",
        "erp:customers:1",
        {"entity": "customer", "record_ref": "erp:customers:1", "column": "legal_entity", "value": "DE01"},
    )
    firm.turn()

    assert firm.golden("legal_entity", "legal_name_from") == [("DE01", "crm:accounts:A1")]


def test_rules_are_those_of_the_day_and_their_version_changes_when_one_begins_to_hold(firm):
    today = datetime.now(UTC).date()
    project, tomorrow, later = str(firm.firm.folder.resolve()), today + timedelta(days=1), today + timedelta(days=2)
    firm.change_rules(f"phone: [{{owner: crm, until: {tomorrow}}}, {{owner: erp, from: {tomorrow}}}]")
    owners = lambda day: rules.on_day(project, day).owner("customer").rules("phone")[0].owner

    assert [owners(day) for day in (date(2020, 1, 1), today, tomorrow, later)] == ["crm", "crm", "erp", "erp"]
    versions = [rules.version(project, day) for day in (date(2020, 1, 1), today, tomorrow, later)]
    assert versions[0] == versions[1] != versions[2] == versions[3]
    assert rules.version(project) == versions[1]


def test_the_workbench_shows_the_contract_as_it_holds_in_one_of_our_legal_entities(firm):
    firm.turn()
    with TestClient(app(firm.firm), base_url="http://127.0.0.1") as client:
        token = client.get("/who").text.split('name="token" value="')[1].split('"')[0]
        client.post("/who", data={"token": token, "name": "Stella Steward"}, headers={"origin": "http://127.0.0.1"})

        page, wrong = client.get("/ownership?legal_entity=DE01"), client.get("/ownership?on=soon")

    rows = [re.sub(r"<[^>]+>|\s+", " ", row).split() for row in re.findall(r"<tr>(.*?)</tr>", page.text)]
    assert ["legal", "name", "in", "DE01", "or", "UK01", "crm", "erp", "erp", "put", "back"] in rows
    assert "elsewhere" not in page.text
    assert (wrong.status_code, "soon is no day" in wrong.text) == (409, True)
