"""People who write at the same time, answers that are lost, sessions and rights that end: against a real Tryton 8.2."""

import sqlite3

import pytest
from cutting import cutting
from tryton_erp import INVOICE, NEW_CUSTOMER, PARTY, SYSTEM, create, party, read, update

from hub.errors import SystemUnavailable
from hub.systems.connector import Connection
from hub.systems.tryton import connector as tryton_connector

pytestmark = pytest.mark.live
KEPT = {"party.party": ("Edited", "Berlin"), "party.address": ("Alder & Brook GmbH", "Edited")}  # name and city after a person's edit


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
