"""What the three systems say really differs as planted, and their connectors keep the contract of their system.yaml."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module

import pytest
import seed

from hub import snapshot

pytestmark = pytest.mark.live


def rows(landscape, system: str, name: str) -> list[dict]:
    """All records of an object, read by its connector."""
    described, connection = landscape[system]
    connector = import_module(f"hub.systems.{described.connector or described.system}.connector").connect(described, connection)
    pages = list(connector.read(described.objects[name], None))
    connector.close()
    assert pages[-1].last
    return [row for page in pages for row in page.rows]


def hours(entries: list[dict], day: str, project: dict, worker: dict) -> dict[tuple, Decimal]:
    """Hours by worker, project and month."""
    total = defaultdict(Decimal)
    for each in entries:
        total[worker(each), project(each), each[day][:7]] += Decimal(str(each["hours"]))
    return total


def test_every_object_keeps_its_contract_and_no_row_is_quarantined(landscape, tmp_path):
    for described, connection in landscape.values():
        connector = import_module(f"hub.systems.{described.connector or described.system}.connector").connect(described, connection)
        for each in described.objects.values():
            manifest = snapshot.take(described, each, connector, tmp_path / "snapshots", at=datetime.now(UTC))

            assert (manifest.object, manifest.complete, manifest.quarantined, manifest.unmapped) == (each.name, True, 0, [])
        connector.close()


def test_invoices_differ_as_planted(landscape):
    erp = {each["number"]: Decimal(each["total_amount"]) for each in rows(landscape, "tryton", "invoice")}
    crm = {each["Invoice Number"]: Decimal(each["Amount"]) for each in rows(landscape, "crm", "invoices")}

    assert sorted(erp.keys() - crm.keys()) == seed.EXPECTED["invoices_missing_in_crm"]
    assert sorted(crm.keys() - erp.keys()) == seed.EXPECTED["invoices_missing_in_tryton"]
    assert {number: (erp[number], crm[number]) for number in erp.keys() & crm.keys() if erp[number] != crm[number]} == seed.EXPECTED[
        "posted_invoices_with_another_amount"
    ]


def test_hours_and_projects_differ_as_planted(landscape):
    projects = {each["id"]: each["custom_fields"]["Project Number"] for each in rows(landscape, "redmine", "projects")}
    users = {each["id"]: each["custom_fields"]["Employee Number"] for each in rows(landscape, "redmine", "users")}
    works = {str(each["id"]): each["number"] for each in rows(landscape, "tryton", "project")}
    employees = {each["id"]: each["code"] for each in rows(landscape, "tryton", "employee")}
    psa = hours(
        rows(landscape, "redmine", "time_entries"), "spent_on", lambda e: projects[e["project"]["id"]], lambda e: users[e["user"]["id"]]
    )
    erp = hours(rows(landscape, "tryton", "timesheet_line"), "date", lambda e: works[e["project"]], lambda e: employees[e["employee"]])

    assert sorted(set(works.values()) - set(projects.values())) == seed.EXPECTED["projects_missing_in_redmine"]
    assert {key: (psa[key], erp[key]) for key in psa.keys() | erp.keys() if psa[key] != erp[key]} == seed.EXPECTED["hours_differ"]


def test_customers_differ_as_planted(landscape):
    crm = {each["Account ID"]: each for each in rows(landscape, "crm", "accounts")}
    erp = rows(landscape, "tryton", "party")
    by_website = defaultdict(list)
    for each in erp:
        by_website[each["website"].removeprefix("https://www.")].append(each["name"])
    known = {key: by_website.pop(each["Website"].removeprefix("https://"), []) for key, each in crm.items()}
    renamed = seed.EXPECTED["other_spelling"] | seed.EXPECTED["renamed_in_crm_after_close"]

    assert {key: names for key, names in known.items() if len(names) > 1} == seed.EXPECTED["duplicates_in_tryton"]
    assert [key for key, names in known.items() if not names] == seed.EXPECTED["prospects_only_in_crm"]
    assert {
        key: (crm[key]["Account Name"], names[0]) for key, names in known.items() if names and crm[key]["Account Name"] != names[0]
    } == renamed
    assert sorted(name for names in by_website.values() for name in names) == sorted(
        each.erp_name for each in seed.ORGANISATIONS if each.account in seed.EXPECTED["customers_only_in_tryton"]
    )
    assert Counter(each["tax_identifier"] is None for each in erp) == {False: 20, True: 2}
