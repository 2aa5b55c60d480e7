"""When people change on one side what another side owns: whose value wins, who lost and why, and who is corrected or asked."""

import pytest
from spoken import Firm


@pytest.fixture
def firm(tmp_path):
    """A customer in sales and finance, a project in delivery and finance, all of one mind."""
    found = Firm(tmp_path / "firm")
    found.say("crm:accounts:A1", Register="R1", Name="Example Works", Stage="Client", Taxed="S", Pays="ok", Stamp="2026-01-01T08:00:00Z")
    found.say("erp:customers:1", Register="R1", Name="Example Works", Stage="Client", Taxed="S", Pays="ok")
    found.say("psa:projects:P1", Code="X-1", Name="Roof", State="open")
    found.say("erp:projects:7", Code="X-1", Name="Roof", State="open")
    found.turn()
    yield found
    found.close()


def decide(firm, verdict):
    """A steward's word on the project of delivery and that of finance."""
    pair = {"entity": "project", "left_ref": "erp:projects:7", "right_ref": "psa:projects:P1", "verdict": verdict}
    firm.note("match.decided", "erp:projects:7 psa:projects:P1", pair)


def lines(firm, of):
    """The corrections of an entity but those of hub ids, as (where, field, base, want, status)."""
    planned = [line for line in firm.plan().lines if line.entity == of and line.field != "hub_id"]
    return [(f"{line.system}:{line.object}", line.field or line.action, line.base, line.want, line.status) for line in planned]


def test_a_customer_that_sales_renames_after_the_close_keeps_the_name_that_finance_bills(firm):
    before = lines(firm, "customer")
    firm.say("crm:accounts:A1", Name="Example Works International", Stamp="2026-02-01T08:00:00Z")

    firm.turn()

    assert before == []
    assert firm.golden("legal_name", "legal_name_from") == [("Example Works", "erp:customers:1")]
    assert firm.cells("legal_name") == {
        "crm:accounts:A1": ("Example Works International", False, "lost: erp owns legal_name while customer or closed"),
        "erp:customers:1": ("Example Works", True, "owner while customer or closed"),
    }
    renamed = '{"legal_name":"Example Works International"}'
    assert lines(firm, "customer") == [("crm:accounts", "legal_name", renamed, '{"legal_name":"Example Works"}', "needs_consent")]


def test_a_customer_that_finance_reclassifies_is_that_in_sales_too_where_sales_mirrors_it(firm):
    firm.say("erp:customers:1", Taxed="R", Pays="late")

    firm.turn()

    assert firm.golden("tax_code", "collections_status") == [("reverse_charge", "overdue")]
    assert firm.cells("tax_code")["crm:accounts:A1"] == ("standard", False, "lost: erp owns tax_code")
    assert firm.cells("collections_status")["crm:accounts:A1"] == ("current", False, "lost: crm has no say in collections_status")
    current, overdue = '{"collections_status":"current"}', '{"collections_status":"overdue"}'
    assert lines(firm, "customer") == [("crm:accounts", "collections_status", current, overdue, "approved")]


def test_a_project_that_delivery_gives_another_name_has_it_in_finance_too(firm):
    firm.say("psa:projects:P1", Name="Roof and walls")

    firm.turn()

    assert firm.golden("name", "name_from", of="project") == [("Roof and walls", "psa:projects:P1")]
    assert firm.cells("name", of="project")["erp:projects:7"] == ("Roof", False, "lost: psa owns name")
    assert lines(firm, "project") == [("erp:projects", "name", '{"name":"Roof"}', '{"name":"Roof and walls"}', "needs_consent")]


@pytest.mark.parametrize("code", ["X-9", "Z-77"])
def test_a_project_that_delivery_gives_another_code_is_not_made_anew_on_both_sides_before_a_steward_was_asked(firm, code):
    firm.say("psa:projects:P1", Code=code)

    firm.turn()

    missed = firm.rows("SELECT system FROM discrepancy.missing_counterpart WHERE entity = 'project' ORDER BY 1")
    assert missed == [("erp",), ("psa",)]
    assert firm.rows("SELECT left_ref, right_ref FROM work.question") == [("erp:projects:7", "psa:projects:P1")]
    assert {status for *_, status in lines(firm, "project")} == {"held"}


def test_two_codes_that_a_steward_says_are_one_projects_are_one_and_apart_again_when_that_is_taken_back(firm):
    firm.say("psa:projects:P1", Code="X-9")
    firm.turn()
    before = firm.rows("SELECT record_ref, hub_id FROM journal.crossref ORDER BY 1")

    decide(firm, "same")
    firm.turn()
    one = firm.rows("SELECT DISTINCT hub_id FROM journal.crossref WHERE record_ref IN ('erp:projects:7', 'psa:projects:P1')")
    planned = lines(firm, "project")
    decide(firm, "undone")
    firm.turn()

    assert len(one) == 1
    assert [(where, field, want) for where, field, _, want, _ in planned] == [("erp:projects", "code", '{"code":"X-9"}')]
    assert firm.rows("SELECT record_ref, hub_id FROM journal.crossref ORDER BY 1") == before


def test_a_project_whose_code_is_known_on_both_sides_is_no_question_however_alike_another_is(firm):
    firm.say("psa:projects:P2", Code="X-2", Name="Roof", State="open")
    firm.say("erp:projects:8", Code="X-2", Name="Roof", State="open")

    firm.turn()

    assert firm.rows("SELECT * FROM work.question") == []
