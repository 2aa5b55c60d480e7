"""What would make another value win where a rule chooses between equals; done in the sources, it wins."""

import pytest
from spoken import Firm

from assets import sqlmesh_models
from hub import rules, store
from reconcile import why_value, why_value_flip

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


def flips(firm, field):
    """What would make another value win, {(value, what, record)}, as far as one change does it."""
    the_rules = rules.of(str(firm.firm.folder.resolve()))
    queries = {model.name: model.touched for model in sqlmesh_models.compiled(firm.firm)}
    hub_id = firm.golden("hub_id")[0][0]
    with store.writing(firm.firm.hub_file) as connection:
        found = why_value_flip.flips(connection, why_value.asked(connection, hub_id, field, the_rules), queries, the_rules)
    return {(each.value, *((change.what, change.record_ref) for change in each.changes)) for each in found}


def test_the_older_of_two_records_would_win_had_it_changed_last_or_were_the_other_emptied(firm):
    firm.say("crm:accounts:A1", Register="R1", Web="old.example", Stamp="2026-03-01T08:00:00Z")
    firm.say("crm:accounts:A2", Register="R1", Web="new.example", Stamp="2026-03-02T08:00:00Z")
    firm.turn()

    told = flips(firm, "website")
    firm.say("crm:accounts:A1", Stamp="2026-03-03T08:00:00Z")
    firm.turn()
    newer = firm.golden("website")
    firm.say("crm:accounts:A1", Stamp="2026-03-03T08:00:00Z", Web="")
    firm.turn()

    one = "crm:accounts:A1"
    assert {("old.example", ("newer", one)), ("old.example", ("cleared", "crm:accounts:A2"))} <= told
    assert (newer, firm.golden("website")) == ([("old.example",)], [("new.example",)])


def test_a_name_would_win_if_one_more_system_said_so(firm):
    firm.say("crm:accounts:A1", Register="R1", Name="Example Works")
    firm.say("crm:accounts:A2", Register="R1", Name="Example Machines")
    firm.say("psa:clients:7", Register="R1", Name="Example Machines")
    firm.say("erp:customers:1", Register="R1")
    firm.turn()
    before = firm.golden("legal_name")

    told = flips(firm, "legal_name")
    firm.say("psa:clients:7", Name="Example Works")
    firm.turn()

    assert before == [("Example Machines",)]
    assert ("Example Works", ("agrees", "psa:clients:7")) in told
    assert firm.golden("legal_name") == [("Example Works",)]


def test_a_value_that_has_not_stood_for_longest_would_win_if_it_had(firm):
    firm.say("psa:clients:7", Register="R1", Phone="+41 1")
    firm.turn()
    firm.say("erp:customers:1", Register="R1", Phone="+41 2")
    firm.turn()

    assert {("+412", ("older", "erp:customers:1")), ("+412", ("silent", "psa:clients:7"))} <= flips(firm, "phone")
