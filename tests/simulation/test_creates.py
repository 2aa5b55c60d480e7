"""The hub never creates the same thing twice."""

import json
from unittest import mock

import promises
import pytest
from loop import Killed, dying

from hub.journal import Journal
from hub.systems.netsuite.connector import NetSuite
from hub.systems.salesforce.connector import Salesforce

POST = "/services/rest/record/v1/customer"
ACCOUNT = {
    "Name": "Ortwin Anlagenbau GmbH",
    "Type": "Customer - Direct",
    "Website": "ortwin-anlagenbau.example",
    "CurrencyIsoCode": "EUR",
    "BillingCity": "Bremen",
    "BillingCountryCode": "DE",
    "Payment_Terms__c": "N30",
    "Legal_Entity__c": "DE01",
    "Tax_Id__c": "DE811569869",
}


def new_customer(loop):
    """A signed customer that finance does not have yet; the plan to create it there is approved."""
    account = loop.person_creates("salesforce", "Account", ACCOUNT)
    loop.look_and_plan()
    loop.approve()
    return account


def customers(loop):
    return [row for row in loop.rows("netsuite", "customer").values() if row.get("companyName") == ACCOUNT["Name"]]


def posts(loop):
    return [each for each in loop.recorders["netsuite"].written if each[:2] == ("POST", POST)]


def test_a_lost_answer_to_a_create_is_settled_by_looking(loop):
    new_customer(loop)
    loop.twin.faults["netsuite"].add("cut_after", method="POST", path=POST)

    assert loop.push("netsuite") == {"netsuite": {"in_doubt": 1}}
    loop.rest()

    assert len(customers(loop)) == len(posts(loop)) == 1
    assert promises.broken(loop) == []


def test_a_create_that_never_arrived_is_made_on_the_next_turn(loop):
    new_customer(loop)
    loop.twin.faults["netsuite"].add("cut_before", method="POST", path=POST)

    loop.push("netsuite")
    loop.rest()

    assert len(customers(loop)) == len(posts(loop)) == 1
    assert promises.broken(loop) == []


@pytest.mark.parametrize(("where", "name", "at"), [(NetSuite, "write", 1), (Journal, "append", 1), (Journal, "append", 2)])
@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_around_a_create_leaves_one_record(loop, where, name, at, after):
    new_customer(loop)
    with dying(where, name, after=after, at=at), pytest.raises(Killed):
        loop.push("netsuite")

    loop.rest()

    assert len(customers(loop)) == 1
    assert promises.broken(loop) == []


def test_a_create_in_doubt_is_not_sent_again_because_its_values_changed_meanwhile(loop):
    account = new_customer(loop)
    loop.twin.faults["netsuite"].add("cut_after", method="POST", path=POST)
    loop.push("netsuite")
    loop.person_edits("salesforce", "Account", account, Website="ortwin-neu.example")
    loop.observe("salesforce")  # and NetSuite is not read: nothing shows yet that the record is there
    loop.understand()
    loop.plan()
    loop.approve()

    loop.push("netsuite")

    assert len(posts(loop)) == 1
    loop.rest()
    assert len(customers(loop)) == 1
    assert promises.broken(loop) == []


def test_an_acknowledged_create_is_not_sent_again_because_its_values_changed_meanwhile(loop):
    account = new_customer(loop)
    loop.push("netsuite")
    loop.person_edits("salesforce", "Account", account, Website="ortwin-neu.example")
    loop.observe("salesforce")
    loop.understand()
    loop.plan()
    loop.approve()

    loop.push("netsuite")

    assert len(posts(loop)) == 1
    loop.rest()
    assert [row["url"] for row in customers(loop)] == ["ortwin-neu.example"]
    assert promises.broken(loop) == []


BY_HAND = {
    "companyName": ACCOUNT["Name"],
    "vatRegNumber": ACCOUNT["Tax_Id__c"],
    "entityStatus": {"id": "13"},
    "subsidiary": {"id": "2"},
    "currency": {"id": "4"},
}


def test_what_a_person_created_by_hand_between_plan_and_push_is_not_created_again(loop):
    new_customer(loop)
    loop.person_creates("netsuite", "customer", BY_HAND)

    loop.push("netsuite")
    loop.rest()

    assert len(customers(loop)) == 1
    assert promises.broken(loop) == []


def test_what_a_look_since_the_plan_found_is_not_created_again(loop):
    new_customer(loop)
    loop.person_creates("netsuite", "customer", BY_HAND)
    loop.observe("netsuite")  # by a schedule of its own: nobody is a stranger any more, and the plan is as it was

    loop.push("netsuite")
    loop.rest()

    assert len(customers(loop)) == 1
    assert promises.broken(loop) == []


def hiding(record_ids):
    """NetSuite's read, as if its lists did not show these customers yet, or no longer."""
    read = NetSuite.read

    def partly(self, each, since):
        for page in read(self, each, since):
            page.rows[:] = [row for row in page.rows if row["id"] not in record_ids or each.name != "customer"]
            yield page

    return mock.patch.object(NetSuite, "read", partly)


def test_a_create_in_doubt_that_no_list_shows_yet_is_found_by_its_external_id(loop):
    account = new_customer(loop)
    loop.twin.faults["netsuite"].add("cut_after", method="POST", path=POST)
    loop.push("netsuite")
    loop.person_edits("salesforce", "Account", account, Website="ortwin-neu.example")

    with hiding([max(loop.rows("netsuite", "customer"), key=int)]):
        loop.turn()

    assert len(posts(loop)) == 1
    loop.rest()
    assert len(customers(loop)) == 1
    assert promises.broken(loop) == []


def test_a_record_that_a_list_leaves_out_is_not_created_again(loop):
    kept = next(key for key, row in loop.rows("netsuite", "customer").items() if row.get("externalId"))

    with hiding([kept]):
        loop.observe("netsuite", full=True)
        loop.understand()
        plan = loop.plan()

    assert plan.lines == ()
    assert loop.hub("SELECT _gone FROM capture.netsuite__customer WHERE _id = ?", kept) == [("not_visible",)]


def test_a_hidden_record_that_is_deleted_later_is_known_to_be_deleted(loop):
    kept = next(key for key, row in loop.rows("netsuite", "customer").items() if row.get("externalId"))

    with hiding([kept]):
        loop.observe("netsuite", full=True)
        loop.person_deletes("netsuite", "customer", kept)
        loop.observe("netsuite", full=True)

    assert loop.hub("SELECT _gone FROM capture.netsuite__customer WHERE _id = ?", kept) == [("deleted",)]


def test_a_repeated_create_in_salesforce_finds_the_first_one(loop):
    invoice = next(key for key, row in loop.rows("netsuite", "invoice").items() if row["status"]["id"] == "D")
    loop.person_edits("netsuite", "invoice", invoice, status={"id": "A"})
    loop.look_and_plan()
    with dying(Salesforce, "write", after=True), pytest.raises(Killed):
        loop.push("salesforce")

    with mock.patch.object(Salesforce, "find", return_value={}):
        loop.push("salesforce")  # the look does not show it yet: the search index lags
    loop.rest()

    number = loop.rows("netsuite", "invoice")[invoice]["tranId"]
    assert [row["Name"] for row in loop.rows("salesforce", "Invoice__c").values()].count(number) == 1
    assert json.dumps(promises.broken(loop)) == "[]"
