"""Our connector writes parties to a real Tryton 8.2, read back through Tryton's own client, proteus."""

import pytest
from tryton_erp import NEW_CUSTOMER, PARTY, create, party, update

pytestmark = pytest.mark.live


def test_a_customer_is_created_whole_in_one_call(erp, tryton):
    (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER)])

    assert outcome.state == "acknowledged"
    made = tryton.model("party.party")(int(outcome.record_id))
    (address,) = made.addresses
    assert (made.name, made.code, made.tax_identifier.code, made.tax_identifier.type) == (
        "Moorland Papier GmbH",
        "C-0099",
        "DE136695976",
        "eu_vat",
    )
    assert (address.street, address.postal_code, address.city, address.country.code) == ("Am Markt 1", "89073", "Ulm", "DE")
    assert {each.type: each.value for each in made.contact_mechanisms} == {
        "website": "moorland.example",
        "email": "office@moorland.example",
        "phone": "+49 30 23125 130",
    }
    assert made.customer_payment_term.name == "30 days"
    assert erp.find(PARTY, ["C-0099", "C-0100"]) == {"C-0099": [outcome.record_id]}


def test_the_second_of_two_creates_is_refused_by_tryton(erp):
    erp.write(PARTY, [create(PARTY, NEW_CUSTOMER)])

    (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER)])

    assert (outcome.state, outcome.message) == ("rejected", "The code on party must be unique.")


def test_a_create_that_tryton_refuses_leaves_nothing_behind(erp):
    (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER | {"tax_id": "DE1"})])

    assert (outcome.state, "not valid" in outcome.message) == ("rejected", True)
    assert erp.find(PARTY, ["C-0099"]) == {}


def test_what_tryton_does_not_know_by_name_is_refused_before_anything_is_sent(erp):
    (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER | {"billing_address_country": "NO"})])

    assert (outcome.state, outcome.message.startswith("no country.country with code 'NO'")) == ("rejected", True)


def test_an_update_sets_what_it_names_clears_what_is_empty_and_leaves_the_rest(erp, tryton):
    record_id = party(erp, "Alder & Brook GmbH")
    values = {
        "legal_name": "Alder Brook GmbH",
        "tax_id": "DE136695976",
        "phone": None,
        "email": "office@alder.example",
        "billing_address_street": "Lindenallee 5",
        "payment_terms": "net_60",
    }

    (outcome,) = erp.write(PARTY, [update(erp, PARTY, record_id, values)])

    assert outcome.state == "acknowledged"
    kept = tryton.model("party.party")(int(record_id))
    (address,) = kept.addresses
    assert (kept.name, kept.tax_identifier.code, kept.customer_payment_term.name) == ("Alder Brook GmbH", "DE136695976", "60 days")
    assert {each.type: each.value for each in kept.contact_mechanisms} == {
        "website": "https://www.alder.example",
        "email": "office@alder.example",
    }
    assert (address.street, address.city) == ("Lindenallee 5", "Berlin")
