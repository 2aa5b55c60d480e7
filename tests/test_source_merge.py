"""Two records that their own system merged into one: everything that was tied to the lost one follows, and comes back when it does."""

import pytest
from small_firm import Small


@pytest.fixture
def small(tmp_path):
    made = Small(tmp_path)
    made.say("crm:Account:1", Name="Brindle Works GmbH", Website="brindle.example")
    made.say("crm:Account:2", Name="Tarnfield Ltd", Website="tarnfield.example")
    made.say("erp:Customer:7", Name="Quillon Holding", Website="quillon.example")
    made.say("erp:Invoice:9", Number="R-9", Amount="12.00", Currency="EUR", Customer="7")
    made.turn()
    return made


def test_the_lost_record_goes_to_the_hub_id_of_the_one_that_stays_and_gets_its_own_back(small):
    assert small.ties() == {"crm:Account:1": "C-000001", "crm:Account:2": "C-000002", "erp:Customer:7": "C-000003"}

    small.say("crm:Account:1", Into="2")
    small.turn()

    merged = {"crm:Account:1": "C-000002", "crm:Account:2": "C-000002", "erp:Customer:7": "C-000003"}
    assert small.ties() == merged
    assert list(small.golden()) == ["C-000002", "C-000003"]

    small.say("crm:Account:1", Into=None)
    small.turn()

    assert small.ties() == merged | {"crm:Account:1": "C-000001"}
    assert small.golden()["C-000001"] == "Brindle Works GmbH"


def test_what_refers_to_the_lost_record_refers_to_the_one_that_stays(small):
    small.say("erp:Customer:8", Name="Quillon Two", Website="quillon-two.example")
    small.turn()

    small.say("erp:Customer:7", Into="8")
    small.turn()

    assert small.golden("invoice", "customer_id") == {small.ties("invoice")["erp:Invoice:9"]: small.ties()["erp:Customer:8"]}


def test_what_was_decided_of_the_lost_record_holds_for_the_one_that_stays_until_it_is_back(small):
    decide(small, "crm:Account:1", "erp:Customer:7", "same")
    small.note("value.pinned", "crm:Account:1", record_ref="crm:Account:1", column="industry", value="Works")
    small.turn()
    small.say("crm:Account:1", Into="2")
    small.turn()

    ties = small.ties()
    assert ties["crm:Account:2"] == ties["erp:Customer:7"] == ties["crm:Account:1"]
    assert small.golden(columns="industry") == {ties["crm:Account:2"]: "Works"}

    small.say("crm:Account:1", Into=None)
    small.turn()

    ties = small.ties()
    assert ties["crm:Account:1"] == ties["erp:Customer:7"] != ties["crm:Account:2"]
    assert small.golden(columns="industry") == {ties["crm:Account:1"]: "Works", ties["crm:Account:2"]: None}


def test_records_that_a_steward_parted_stay_apart_when_one_of_them_is_merged_into_a_third(small):
    decide(small, "crm:Account:1", "erp:Customer:7", "different")
    small.turn()
    small.say("crm:Account:2", Name="Quillon Holding", Website="quillon.example")
    small.turn()
    assert small.ties()["crm:Account:2"] == small.ties()["erp:Customer:7"]

    small.say("crm:Account:1", Into="2")
    small.turn()

    assert small.ties()["crm:Account:2"] != small.ties()["erp:Customer:7"]


def test_a_merge_that_contradicts_two_words_leaves_the_older_one_and_tells_the_steward(small):
    decide(small, "crm:Account:1", "erp:Customer:7", "same")
    decide(small, "crm:Account:2", "erp:Customer:7", "different")
    small.turn()
    assert small.ties()["crm:Account:1"] == small.ties()["erp:Customer:7"]

    small.say("crm:Account:1", Into="2")
    small.turn()

    assert small.ties()["crm:Account:2"] == small.ties()["erp:Customer:7"]
    ((message,),) = small.hub("SELECT message FROM journal.exception WHERE kind = 'contradiction'")
    assert "crm:Account:1 was merged into crm:Account:2" in message

    small.say("crm:Account:1", Into=None)
    small.turn()

    assert small.hub("SELECT count(*) FROM journal.exception") == [(0,)]
    assert small.ties()["crm:Account:1"] == small.ties()["erp:Customer:7"] != small.ties()["crm:Account:2"]


def test_a_record_that_was_merged_twice_over_follows_to_the_last_one(small):
    small.say("crm:Account:3", Name="Ostwald KG", Website="ostwald.example")
    small.turn()

    small.say("crm:Account:1", Into="2")
    small.say("crm:Account:2", Into="3")
    small.turn()

    ties = small.ties()
    assert ties["crm:Account:1"] == ties["crm:Account:2"] == ties["crm:Account:3"] == "C-000004"


def decide(small, left, right, verdict):
    small.note("match.decided", f"{left} {right}", entity="customer", left_ref=left, right_ref=right, verdict=verdict)
