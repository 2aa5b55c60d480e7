"""Our connector reads a real Tryton 8.2, edited through Tryton's own client, proteus."""

import proteus
import pytest
import seed
from tryton_erp import PARTY, SYSTEM, create, party, read, update

from hub.systems.tryton import connector as tryton_connector

pytestmark = pytest.mark.live


def test_a_full_read_gives_every_record_that_the_seed_put_there_in_pages(erp, monkeypatch):
    monkeypatch.setattr(tryton_connector, "PAGE", 7)

    counts = {name: len(read(erp, each)) for name, each in SYSTEM.objects.items()}

    parties = sum(len(each.erp_names) for each in seed.ORGANISATIONS)
    assert counts == {
        "party": parties,
        "employee": len(seed.WORKERS),
        "project": len(seed.PROJECTS),
        "timesheet_line": len(seed.TIME_ENTRIES),
        "invoice": sum(bool(each.erp_amount) for each in seed.INVOICES),
    }


def test_a_party_is_shown_with_its_address_mechanisms_and_identifier(erp):
    row = next(row for row in read(erp, PARTY) if row["name"] == "Alder & Brook GmbH")

    assert row | {"id": 0, "code": "", "changed": ""} == {
        "id": 0,
        "code": "",
        "changed": "",
        "edited_by": "admin",
        "name": "Alder & Brook GmbH",
        "inactive": False,
        "replaced_by": None,
        "hub_id": None,
        "tax_identifier": "DE492655486",
        "customer_payment_term": "30 days",
        "website": "https://www.alder.example",
        "phone": "+49 30 23125 101",
        "email": "accounts@alder.example",
        "address": {"street": "Lindenallee 4", "postal_code": "10115", "city": "Berlin", "subdivision": None, "country": "DE"},
    }


@pytest.mark.parametrize(
    "model, field, value, shown",
    [
        ("party.party", "name", "Alder, Brook & Co. GmbH", lambda row: row["name"]),
        ("party.address", "city", "Potsdam", lambda row: row["address"]["city"]),
        ("party.contact_mechanism", "value", "+49 30 23125 199", lambda row: row["phone"]),
    ],
)
def test_an_incremental_read_gives_what_a_person_changed_also_in_a_related_record(erp, tryton, model, field, value, shown):
    newest = max(row["changed"] for row in read(erp, PARTY))
    (alder,) = tryton.model("party.party").find([("name", "=", "Alder & Brook GmbH")])
    edited = {
        "party.party": alder,
        "party.address": alder.addresses[0],
        "party.contact_mechanism": next(each for each in alder.contact_mechanisms if each.type == "phone"),
    }[model]
    edited = tryton.model(model)(edited.id)
    setattr(edited, field, value)
    edited.save()

    changed = [row for row in read(erp, PARTY, since=newest) if row["changed"] > newest]

    assert [shown(row) for row in changed] == [value]


def test_a_record_names_the_person_who_changed_it_last_also_in_a_related_record(erp, tryton):
    sales = tryton.as_another("Toni Sales")
    (alder,) = sales("party.party").find([("name", "=", "Alder & Brook GmbH")])
    street = sales("party.address")(alder.addresses[0].id)
    street.city = "Potsdam"
    street.save()
    by_a_person = next(row for row in read(erp, PARTY) if row["id"] == alder.id)

    (outcome,) = erp.write(PARTY, [update(erp, PARTY, str(alder.id), {"phone": "+49 30 23125 199"})])
    by_us = next(row for row in read(erp, PARTY) if row["id"] == alder.id)

    assert outcome.state == "acknowledged"
    assert [row["edited_by"] for row in (by_a_person, by_us)] == ["Toni Sales", "admin"]


def test_the_watermark_starts_a_little_early_because_a_record_bears_the_time_at_which_its_transaction_began(erp):
    full = list(erp.read(PARTY, None))
    newest = max(row["changed"] for page in full for row in page.rows)

    again = list(erp.read(PARTY, newest))

    assert full[-1].watermark < newest
    assert (again[-1].last, again[-1].watermark) == (True, newest)


def test_looking_tells_living_deactivated_merged_and_deleted_parties_apart(erp, tryton):
    Party = tryton.model("party.party")
    names = {"C-0101": "Twin GmbH", "C-0102": "Twin GmbH", "C-0103": "Brief GmbH"}
    made = erp.write(PARTY, [create(PARTY, {"legal_name": name}, hub_id) for hub_id, name in names.items()])
    living, twin, brief = (each.record_id for each in made)
    closed = party(erp, "Thüringer Glaswerke GmbH")
    Party(int(brief)).delete()
    left = Party(int(closed))
    left.active = False
    left.save()
    merge = proteus.Wizard("party.replace", models=[Party(int(twin))])
    merge.form.destination = Party(int(living))
    merge.execute("replace")

    seen = erp.look(PARTY, [living, twin, brief, closed])

    assert {key: (each.state, each.into) for key, each in seen.items()} == {
        living: ("there", None),
        twin: ("merged", living),
        brief: ("deleted", None),
        closed: ("deleted", None),
    }
    assert {row["id"]: (row["inactive"], row["replaced_by"]) for row in read(erp, PARTY) if str(row["id"]) in (twin, closed)} == {
        int(twin): (True, int(living)),
        int(closed): (True, None),
    }
