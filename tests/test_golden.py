"""Whose value survives, what decides between equals, what an empty value means, and why the others lost."""

import pytest
from spoken import Firm

RULES = """
legal_name: {owner: erp, else: [[crm, psa]], by: agreement, mirror: [crm]}
website: {owner: crm, else: [erp], by: recency}
phone: {owner: crm, else: [[erp, psa]], by: longest valid, mirror: [erp]}
industry: {owner: crm, else: [erp], by: completeness}
"""


@pytest.fixture
def firm(tmp_path):
    found = Firm(tmp_path / "firm", RULES)
    yield found
    found.close()


def test_by_recency_the_record_of_the_owner_that_changed_last_is_believed(firm):
    firm.say("crm:accounts:A1", Register="R1", Web="old.example", Stamp="2026-03-01T08:00:00Z")
    firm.say("crm:accounts:A2", Register="R1", Web="new.example", Stamp="2026-03-02T08:00:00Z")
    firm.say("erp:customers:1", Register="R1", Web="erp.example")
    firm.say("psa:clients:7", Register="R1")

    firm.turn()

    assert firm.golden("website", "website_from") == [("new.example", "crm:accounts:A2")]
    assert firm.cells("website") == {
        "crm:accounts:A1": ("old.example", False, "lost: not newer than crm:accounts:A2"),
        "crm:accounts:A2": ("new.example", True, "owner"),
        "erp:customers:1": ("erp.example", False, "lost: crm owns website"),
        "psa:clients:7": (None, False, "psa does not hold it"),
    }


def test_by_completeness_the_record_that_says_most_in_all_is_believed(firm):
    firm.say("crm:accounts:A1", Register="R1", Industry="Tools", Stamp="2026-03-02T08:00:00Z")
    firm.say("crm:accounts:A2", Register="R1", Industry="Machines", Web="x.example", Phone="+41", Stamp="2026-03-01T08:00:00Z")

    firm.turn()

    assert firm.golden("industry", "industry_from") == [("Machines", "crm:accounts:A2")]
    assert firm.cells("industry")["crm:accounts:A1"] == ("Tools", False, "lost: says no more in all than crm:accounts:A2")


def test_by_agreement_the_name_that_most_systems_say_is_believed_whatever_its_spelling(firm):
    firm.say("crm:accounts:A1", Register="R1", Name="Example Works")
    firm.say("crm:accounts:A2", Register="R1", Name="Example Works")
    firm.say("crm:accounts:A3", Register="R1", Name="EXAMPLE-MACHINES")
    firm.say("psa:clients:7", Register="R1", Name="Example Machines")
    firm.say("erp:customers:1", Register="R1")

    firm.turn()

    assert firm.golden("legal_name", "legal_name_from") == [("EXAMPLE-MACHINES", "crm:accounts:A3")]
    assert firm.cells("legal_name") == {
        "crm:accounts:A1": ("Example Works", False, "lost: no more systems say so than what crm:accounts:A3 says"),
        "crm:accounts:A2": ("Example Works", False, "lost: no more systems say so than what crm:accounts:A3 says"),
        "crm:accounts:A3": ("EXAMPLE-MACHINES", True, "stand-in: erp says nothing"),
        "psa:clients:7": ("Example Machines", False, "agrees with crm:accounts:A3, in another spelling"),
        "erp:customers:1": (None, False, "says nothing"),
    }


def test_by_longest_valid_the_stand_in_whose_value_has_not_changed_for_longest_is_believed(firm):
    firm.say("psa:clients:7", Register="R1", Name="Example Works", Phone="+41 1")
    firm.turn()
    firm.say("erp:customers:1", Register="R1", Phone="+41 2")
    firm.turn()
    firm.say("psa:clients:7", Name="Example Machines")

    firm.turn()
    before = firm.golden("phone", "phone_from")
    firm.say("psa:clients:7", Phone="+41 3")
    firm.turn()

    assert before == [("+411", "psa:clients:7")]
    assert firm.golden("phone", "phone_from") == [("+412", "erp:customers:1")]
    assert firm.cells("phone")["psa:clients:7"] == ("+413", False, "lost: has stood no longer than what erp:customers:1 says")


def test_a_value_that_its_owner_cleared_is_gone_and_no_stand_in_fills_it(firm):
    firm.say("crm:accounts:A1", Register="R1", Phone="+41 1", Stamp="2026-03-01T08:00:00Z")
    firm.say("erp:customers:1", Register="R1", Phone="+41 2")
    firm.turn()
    firm.say("crm:accounts:A1", Phone="", Stamp="2026-03-02T08:00:00Z")

    firm.turn()

    assert firm.golden("phone", "phone_from", "cleared") == [(None, "crm:accounts:A1", ["phone"])]
    assert firm.cells("phone") == {
        "crm:accounts:A1": (None, True, "owner, who cleared it"),
        "erp:customers:1": ("+412", False, "lost: crm owns phone and cleared it"),
    }


def test_what_was_cleared_on_purpose_is_cleared_in_the_mirrors_once_a_person_consents(firm):
    firm.say("crm:accounts:A1", Register="R1", Phone="+41 1", Stamp="2026-03-01T08:00:00Z")
    firm.say("erp:customers:1", Register="R1", Phone="+41 1")
    firm.turn()
    firm.say("crm:accounts:A1", Phone="", Stamp="2026-03-02T08:00:00Z")

    firm.turn()

    (line,) = [line for line in firm.plan().lines if line.field == "phone"]
    assert (line.system, line.base, line.want, line.why) == (
        "erp",
        '{"phone":"+411"}',
        '{"phone":null}',
        "phone is owned by crm and was cleared in crm:accounts:A1",
    )
    assert line.status == "needs_consent"  # a policy approves telephone numbers, but no emptying


def test_a_value_that_its_owner_never_gave_is_not_asked_for_as_empty(firm):
    firm.say("crm:accounts:A1", Register="R1")
    firm.say("psa:clients:1", Register="R1")
    firm.say("erp:customers:1", Register="R1", Tax="CHE123")

    firm.turn()

    assert firm.golden("tax_code", "tax_code_from", "cleared") == [(None, "erp:customers:1", [])]
    assert firm.rows("SELECT field FROM discrepancy.value_differs WHERE should LIKE '%null%'") == []


def test_where_the_owner_never_said_anything_a_stand_in_speaks_also_when_it_stopped_to(firm):
    firm.say("crm:accounts:A1", Register="R1")
    firm.say("erp:customers:1", Register="R1", Phone="+41 2")
    firm.say("psa:clients:7", Register="R1", Phone="+41 3")
    firm.turn()
    before = firm.golden("phone", "phone_from")
    firm.say("erp:customers:1", Phone=None)

    firm.turn()

    assert before == [("+412", "erp:customers:1")]
    assert firm.golden("phone", "phone_from") == [("+413", "psa:clients:7")]
    assert firm.rows("SELECT record_ref, state FROM golden.cell WHERE field = 'phone' ORDER BY 1") == [
        ("crm:accounts:A1", "unknown"),
        ("erp:customers:1", "cleared"),
        ("psa:clients:7", "said"),
    ]


def test_what_a_customer_is_taxed_by_comes_from_one_record(firm):
    firm.say("erp:customers:1", Register="R1", Tax="CHE123")
    firm.say("crm:accounts:A1", Register="R1", Tax="CHE123", Taxed="R")

    firm.turn()

    assert firm.golden("tax_id", "tax_id_from", "tax_code", "tax_code_from") == [("CHE123", "erp:customers:1", None, "erp:customers:1")]
    assert firm.cells("tax_code") == {
        "crm:accounts:A1": ("reverse_charge", False, "lost: erp owns tax_code"),
        "erp:customers:1": (None, True, "owner; says nothing here, but on what goes with it"),
    }


def test_an_amount_keeps_its_currency_and_an_address_its_parts(firm):
    firm.say("erp:customers:1", Register="R1", Limit=5, Street="Hill 1")
    firm.say("crm:accounts:A1", Register="R1", Limit=7, Currency="EUR", Street="Hill Rd 1", City="Bern")

    firm.turn()

    assert firm.golden("credit_limit::INT", "credit_limit_currency", "billing_address_street", "billing_address_city") == [
        (5, None, "Hill Rd 1", "Bern")
    ]


def test_a_pinned_value_wins_and_says_who_pinned_it(firm):
    firm.say("erp:customers:1", Register="R1", Name="Example Works", Web="a.example")
    firm.turn()
    firm.note(
        "value.pinned",
        "erp:customers:1",
        {"record_ref": "erp:customers:1", "column": "legal_name", "value": "Example Works SE", "reason": "she told me"},
    )

    firm.turn()

    assert firm.golden("legal_name", "legal_name_from") == [("Example Works SE", "pin")]
    assert firm.cells("legal_name") == {
        "pin": ("Example Works SE", True, "pinned by steward: she told me"),
        "erp:customers:1": ("Example Works", False, "lost: a steward pinned the value"),
    }
