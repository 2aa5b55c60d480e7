"""Our connector against a real Tryton 8.2, read back through Tryton's own client, proteus."""

import sqlite3
from decimal import Decimal

import proteus
import pytest
import seed
from cutting import cutting

from hub import mapping
from hub.errors import SystemUnavailable
from hub.systems.connector import Connection, Write
from hub.systems.tryton import connector as tryton_connector

pytestmark = pytest.mark.live
SYSTEM = mapping.read(mapping.FOLDER / "tryton/system.yaml")
PARTY, PROJECT, LINE, INVOICE = (SYSTEM.objects[name] for name in ("party", "project", "timesheet_line", "invoice"))
NEW_CUSTOMER = {
    "legal_name": "Moorland Papier GmbH",
    "tax_id": "DE136695976",
    "website": "moorland.example",
    "email": "office@moorland.example",
    "phone": "+49 30 23125 130",
    "billing_address_street": "Am Markt 1",
    "billing_address_city": "Ulm",
    "billing_address_postcode": "89073",
    "billing_address_country": "DE",
    "payment_terms": "net_30",
}
KEPT = {"party.party": ("Edited", "Berlin"), "party.address": ("Alder & Brook GmbH", "Edited")}  # name and city after a person's edit


@pytest.fixture
def erp(tryton):
    connected = tryton_connector.connect(SYSTEM, Connection(tryton.url, tryton.secrets))
    yield connected
    connected.close()


def read(erp, each, since=None) -> list[dict]:
    pages = list(erp.read(each, since))
    assert pages[-1].last
    return [row for page in pages for row in page.rows]


def create(each, values, hub_id="C-0099") -> Write:
    return Write("w", "create", None, hub_id, mapping.outward(each, values))


def update(erp, each, record_id, values) -> Write:
    """A write with the version that the record has now."""
    return Write("w", "update", record_id, "C-0001", mapping.outward(each, values), erp.look(each, [record_id])[record_id].version)


def party(erp, name: str) -> str:
    return next(str(row["id"]) for row in read(erp, PARTY) if row["name"] == name)


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


def test_the_watermark_starts_a_little_early_because_a_record_bears_the_time_at_which_its_transaction_began(erp):
    full = list(erp.read(PARTY, None))
    newest = max(row["changed"] for page in full for row in page.rows)

    again = list(erp.read(PARTY, newest))

    assert full[-1].watermark < newest
    assert (again[-1].last, again[-1].watermark) == (True, newest)


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


@pytest.mark.parametrize("person_edits", ["party.party", "party.address"])
def test_a_person_who_edits_between_look_and_write_keeps_the_edit(erp, tryton, person_edits):
    record_id = party(erp, "Alder & Brook GmbH")
    correction = update(erp, PARTY, record_id, {"legal_name": "Alder Brook GmbH", "billing_address_city": "Bonn"})
    edit_as_person(tryton, record_id, person_edits)

    (outcome,) = erp.write(PARTY, [correction])

    assert outcome.state == "moved"
    assert as_a_person_sees(tryton, record_id) == KEPT[person_edits]


@pytest.mark.parametrize("person_edits", ["party.party", "party.address"])
def test_a_person_who_is_quicker_by_a_hair_is_seen_by_tryton_itself(tryton, person_edits):
    with cutting(tryton.url) as proxy:
        erp = tryton_connector.connect(SYSTEM, Connection(proxy.url, tryton.secrets))
        record_id = party(erp, "Alder & Brook GmbH")
        correction = update(erp, PARTY, record_id, {"legal_name": "Alder Brook GmbH", "billing_address_city": "Bonn"})
        proxy.meanwhile(b"party.party.write", lambda: edit_as_person(tryton, record_id, person_edits))

        (outcome,) = erp.write(PARTY, [correction])
        erp.close()

    assert (outcome.state, outcome.message) == ("moved", "Records were modified in the meanwhile")
    assert as_a_person_sees(tryton, record_id) == KEPT[person_edits]


def edit_as_person(tryton, record_id: str, model: str) -> None:
    record = tryton.model("party.party")(int(record_id))
    record = record if model == "party.party" else tryton.model("party.address")(record.addresses[0].id)
    setattr(record, {"party.party": "name", "party.address": "city"}[model], "Edited")
    record.save()


def as_a_person_sees(tryton, record_id: str) -> tuple[str, str]:
    record = tryton.model("party.party")(int(record_id))
    return record.name, record.addresses[0].city


def test_a_create_whose_answer_is_lost_is_in_doubt_and_then_found_exactly_once(tryton):
    with cutting(tryton.url) as proxy:
        erp = tryton_connector.connect(SYSTEM, Connection(proxy.url, tryton.secrets))
        proxy.lose_answer(b"party.party.create")

        (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER)])
        found = erp.find(PARTY, ["C-0099"])
        erp.close()

    assert outcome.state == "in_doubt"
    assert found == {"C-0099": [str(each.id) for each in tryton.model("party.party").find([("name", "=", "Moorland Papier GmbH")])]}
    assert len(found["C-0099"]) == 1


def test_an_update_whose_answer_is_lost_is_in_doubt_and_can_be_read_back(tryton):
    with cutting(tryton.url) as proxy:
        erp = tryton_connector.connect(SYSTEM, Connection(proxy.url, tryton.secrets))
        record_id = party(erp, "Alder & Brook GmbH")
        proxy.lose_answer(b"party.party.write")

        (outcome,) = erp.write(PARTY, [update(erp, PARTY, record_id, {"legal_name": "Alder Brook GmbH"})])
        seen = erp.look(PARTY, [record_id])[record_id]
        erp.close()

    assert (outcome.state, seen.state, seen.row["name"]) == ("in_doubt", "there", "Alder Brook GmbH")


def test_a_write_that_never_left_is_rejected(tryton):
    erp = tryton_connector.connect(SYSTEM, Connection("http://127.0.0.1:9/hub/", tryton.secrets))
    erp.rpc.http.attempts = 1

    (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER)])

    assert (outcome.state, outcome.message[:9]) == ("rejected", "not sent:")


def test_a_session_that_ends_between_two_pages_is_renewed(erp, tryton, monkeypatch):
    monkeypatch.setattr(tryton_connector, "PAGE", 7)
    pages = erp.read(PARTY, None)
    rows = next(pages).rows
    end_all_sessions(tryton)

    rest = list(pages)

    assert len(rows) + sum(len(page.rows) for page in rest) == 22
    assert rest[-1].last


def test_a_session_that_ends_before_a_write_is_renewed_and_the_write_happens_once(erp, tryton):
    read(erp, PARTY)
    end_all_sessions(tryton)

    (outcome,) = erp.write(PARTY, [create(PARTY, NEW_CUSTOMER)])

    assert (outcome.state, erp.find(PARTY, ["C-0099"])) == ("acknowledged", {"C-0099": [outcome.record_id]})


def end_all_sessions(tryton) -> None:
    with sqlite3.connect(tryton.database, timeout=10) as database:
        assert database.execute("DELETE FROM ir_session").rowcount > 0


def test_a_wrong_password_is_no_empty_read(tryton):
    erp = tryton_connector.connect(SYSTEM, Connection(tryton.url, {"user": "admin", "password": "wrong-password"}))

    with pytest.raises(SystemUnavailable, match="check the user and the secret"):
        list(erp.read(PARTY, None))
    assert {seen.state for seen in erp.look(PARTY, ["2"]).values()} == {"unknown"}


def test_a_right_that_was_taken_away_is_no_empty_read_and_no_deletion(erp, tryton):
    record_id = party(erp, "Alder & Brook GmbH")
    add_reader_without_rights(tryton)
    reader = tryton_connector.connect(SYSTEM, Connection(tryton.url, {"user": "reader", "password": "demo-password"}))

    with pytest.raises(SystemUnavailable, match="give the user the right to read it"):
        list(reader.read(INVOICE, None))
    assert {seen.state for seen in reader.look(INVOICE, [record_id]).values()} == {"unknown"}


def add_reader_without_rights(tryton) -> None:
    reader = tryton.model("res.user")(name="Reader", login="reader")
    reader.password = "demo-password"  # noqa: S105
    reader.save()


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


def test_a_project_is_created_and_updated(erp, tryton):
    customer = party(erp, "Alder & Brook GmbH")
    values = {
        "name": "Data room",
        "customer_ref": customer,
        "starts_on": "2026-01-05",
        "hourly_rate": Decimal("155.50"),
        "fee_model": "time_and_materials",
    }
    (made,) = erp.write(PROJECT, [create(PROJECT, values, hub_id="P-0099")])

    (changed,) = erp.write(PROJECT, [update(erp, PROJECT, made.record_id, {"name": "Data room 2", "ends_on": "2026-12-31"})])

    assert (made.state, changed.state) == ("acknowledged", "acknowledged")
    work = tryton.model("project.work")(int(made.record_id))
    assert (work.name, work.party.name, work.list_price, work.project_invoice_method) == (
        "Data room 2",
        "Alder & Brook GmbH",
        Decimal("155.50"),
        "timesheet",
    )
    assert (str(work.timesheet_start_date), str(work.timesheet_end_date)) == ("2026-01-05", "2026-12-31")
    assert erp.find(PROJECT, ["P-0099"]) == {"P-0099": [made.record_id]}


def test_hours_are_corrected_and_new_ones_added_with_the_hub_id_beside_the_note(erp, tryton):
    line = next(row for row in read(erp, LINE) if row["uuid"] == "18")
    (corrected,) = erp.write(LINE, [update(erp, LINE, str(line["id"]), {"hours": Decimal("7.5")})])
    new = {
        "worked_on": "2025-11-03",
        "hours": Decimal("1.25"),
        "note": "Handover",
        "project_ref": line["project"],
        "worker_ref": str(line["employee"]),
    }

    (added,) = erp.write(LINE, [create(LINE, new, hub_id="T-0061")])

    assert (corrected.state, added.state) == ("acknowledged", "acknowledged")
    Line = tryton.model("timesheet.line")
    assert Line(line["id"]).duration.total_seconds() == 7.5 * 3600
    assert (Line(int(added.record_id)).duration.total_seconds(), Line(int(added.record_id)).description) == (
        1.25 * 3600,
        "Handover concord:T-0061",
    )
    assert (erp.find(LINE, ["T-0061"]), erp.look(LINE, [added.record_id])[added.record_id].row["description"]) == (
        {"T-0061": [added.record_id]},
        "Handover",
    )


@pytest.mark.parametrize("each, model", [(PARTY, "party.party"), (PROJECT, "project.work"), (LINE, "timesheet.line")])
def test_a_record_that_was_there_before_us_takes_a_hub_id_and_later_another_one(erp, tryton, each, model):
    record_id = str(read(erp, each)[0]["id"])
    field = {"project.work": "comment", "timesheet.line": "description"}.get(model)
    if field:
        record = tryton.model(model)(int(record_id))
        setattr(record, field, "Words of a person")
        record.save()

    for hub_id in ("H-0001", "H-0002"):
        version = erp.look(each, [record_id])[record_id].version
        (outcome,) = erp.write(each, [Write("w", "update", record_id, hub_id, {"hub_id": hub_id}, version)])
        assert outcome.state == "acknowledged"

    assert erp.find(each, ["H-0001", "H-0002"]) == {"H-0002": [record_id]}
    if field:
        assert getattr(tryton.model(model)(int(record_id)), field) == "Words of a person concord:H-0002"


def test_a_draft_invoice_takes_another_date_and_tryton_itself_refuses_one_for_a_posted_invoice(erp, tryton):
    draft, posted = (next(row for row in read(erp, INVOICE) if row["state"] == state) for state in ("draft", "posted"))

    outcomes = [erp.write(INVOICE, [update(erp, INVOICE, str(row["id"]), {"issued_on": "2025-11-17"})])[0] for row in (draft, posted)]

    assert [outcome.state for outcome in outcomes] == ["acknowledged", "rejected"]
    assert "not allowed to modify" in outcomes[1].message
    Invoice = tryton.model("account.invoice")
    assert [str(Invoice(row["id"]).invoice_date) for row in (draft, posted)] == ["2025-11-17", posted["invoice_date"]]


def test_an_invoice_is_not_created(erp):
    (outcome,) = erp.write(INVOICE, [Write("w", "create", None, "I-1", {"invoice_date": "2025-11-17"})])

    assert (outcome.state, outcome.message) == ("rejected", "the hub does not create invoice in Tryton")
