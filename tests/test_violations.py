"""Somebody changes what another role owns, or creates what may not arise there: who it was is told, and it is put back or raised."""

import pytest
from spoken import Firm

from hub import rules, store
from reconcile import why_write

RULES = """
create: crm
legal_name: {owner: erp, else: crm, mirror: [crm, psa]}
tax_id: {owner: erp, else: crm, mirror: crm, conflict: raise}
tax_code: {owner: erp, else: crm}
phone: {owner: crm, else: erp, mirror: erp}
"""
FOUND = (
    "SELECT class, record_ref, field, owner, says FROM discrepancy.found WHERE class <> 'missing_counterpart' ORDER BY record_ref, field"
)
TAX, OTHER_TAX = "DE136695976", "DE129273398"


@pytest.fixture
def firm(tmp_path):
    """A customer that sales, finance and delivery call alike."""
    found = Firm(tmp_path / "firm", RULES)
    found.say("crm:accounts:A1", Register="R1", Name="Example Works", Tax=TAX, Stage="Client", Editor="Concord")
    found.say("erp:customers:1", Register="R1", Name="Example Works", Tax=TAX)
    found.say("psa:clients:7", Register="R1", Name="Example Works")
    found.turn()
    yield found
    found.close()


def day(firm, ref):
    """The day on which a record became what it is."""
    return firm.rows("SELECT changed_at::DATE::TEXT FROM canonical.customer WHERE record_ref = ?", ref)[0][0]


def lines(firm):
    return [
        (line.system, line.record_id, line.field, line.want)
        for line in firm.plan().lines
        if line.action == "update" and line.field != "hub_id"
    ]


def test_a_mirror_that_somebody_changed_is_told_with_the_editor_and_put_back(firm):
    firm.say("crm:accounts:A1", Name="Example Handwork", Editor="Kim Sales")
    firm.turn()

    why = f"legal_name is owned by erp and came from erp:customers:1; Kim Sales changed it here on {day(firm, 'crm:accounts:A1')}"
    assert firm.rows(FOUND) == [("not_owned", "crm:accounts:A1", "legal_name", "crm", why)]
    assert lines(firm) == [("crm", "A1", "legal_name", '{"legal_name":"Example Works"}')]


def test_where_the_contract_raises_it_nothing_is_written_and_the_owner_has_the_case(firm):
    firm.say("crm:accounts:A1", Tax=OTHER_TAX, Editor="Kim Sales")
    firm.turn()

    ((klass, ref, field, owner, says),) = firm.rows(FOUND)
    assert (klass, ref, field, owner) == ("not_owned", "crm:accounts:A1", "tax_id", "erp")
    assert says.endswith(f"; Kim Sales changed it here on {day(firm, 'crm:accounts:A1')}; erp has to say")
    assert lines(firm) == []
    with store.writing(firm.firm.hub_file) as connection:
        why = why_write.asked(connection, ["crm:accounts:A1", "tax_id"], rules.of(str(firm.firm.folder))).rule
    assert (why.name, why.says) == ("raised", f"the contract lets erp say what shall be, and writes nothing: {says}")


def test_a_mirror_that_is_behind_its_owner_is_no_violation_whatever_the_contract_raises(firm):
    firm.say("erp:customers:1", Name="Example Works GmbH", Tax=OTHER_TAX)
    firm.turn()

    assert {(klass, ref, field, owner) for klass, ref, field, owner, _ in firm.rows(FOUND)} == {
        ("value_differs", "crm:accounts:A1", "legal_name", "crm"),
        ("value_differs", "crm:accounts:A1", "tax_id", "crm"),
        ("value_differs", "psa:clients:7", "legal_name", "psa"),
    }
    assert {(system, field) for system, _, field, _ in lines(firm)} == {("crm", "legal_name"), ("crm", "tax_id"), ("psa", "legal_name")}


def test_what_the_hub_itself_wrote_is_no_violation(firm):
    firm.say("crm:accounts:A1", Name="Example Works and Sons", Editor="Concord")
    firm.turn()

    assert [row[:3] for row in firm.rows(FOUND)] == [("value_differs", "crm:accounts:A1", "legal_name")]


def test_a_change_that_makes_it_agree_is_no_violation(firm):
    firm.say("erp:customers:1", Name="Example Works GmbH")
    firm.say("crm:accounts:A1", Name="Example Works GmbH", Editor="Kim Sales")
    firm.say("psa:clients:7", Name="Example Works GmbH")
    firm.turn()

    assert firm.rows(FOUND) == []


def test_a_system_that_names_no_editor_changed_it_by_somebody(firm):
    firm.say("psa:clients:7", Name="Example Handwork")
    firm.turn()

    ((klass, ref, _, _, says),) = firm.rows(FOUND)
    assert (klass, ref) == ("not_owned", "psa:clients:7")
    assert "; somebody changed it here on " in says


def test_an_editor_is_named_only_as_long_as_the_record_was_not_changed_again(firm):
    firm.say("crm:accounts:A1", Name="Example Handwork", Editor="Kim Sales")
    firm.turn()

    firm.say("crm:accounts:A1", Phone="+41 44 668 18 00", Editor="Toni Support")
    firm.turn()

    ((_, _, field, _, says), *_) = firm.rows(FOUND)
    assert field == "legal_name"
    assert "; somebody changed it here on " in says


def test_a_thing_that_arose_where_it_may_not_is_told_until_a_role_holds_it_in_which_it_may(firm):
    firm.say("erp:customers:2", Register="R2", Name="Sample Roofs")
    firm.turn()
    ((klass, ref, _, owner, says),) = firm.rows(FOUND)

    firm.say("crm:accounts:A2", Register="R2", Name="Sample Roofs", Editor="Kim Sales")
    firm.turn()

    assert (klass, ref, owner) == ("arose_elsewhere", "erp:customers:2", "erp")
    assert says == f"a customer arises in crm; somebody created it here on {day(firm, 'erp:customers:2')}"
    assert firm.rows(FOUND) == []
