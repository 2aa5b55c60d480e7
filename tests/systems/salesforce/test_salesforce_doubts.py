"""Answers that are lost, and people who write at the same time: no record is made twice, no edit is lost."""

from salesforce_org import ACCOUNT, CONTACT, SYSTEM, create, ids, update

from hub.systems.connector import Connection, Outcome
from hub.systems.salesforce import connector


def test_a_create_whose_answer_is_lost_is_in_doubt_and_found_exactly_once(org):
    org.faults.add("cut_after", path="/composite/sobjects")

    [outcome] = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert (outcome.state, outcome.record_id) == ("in_doubt", None)
    assert org.salesforce.find(ACCOUNT, ["C-1"]) == {"C-1": ids(org)}


def test_a_record_that_was_created_and_deleted_is_found_until_another_carries_its_hub_id(org):
    first = org.accounts.create({"Name": "Firm 1", "Concord_Id__c": "C-1"})
    org.accounts.delete(first)
    found_deleted = org.salesforce.find(ACCOUNT, ["C-1"])
    second = org.accounts.create({"Name": "Firm 1", "Concord_Id__c": "C-1"})

    assert found_deleted == {"C-1": [first]}
    assert org.salesforce.find(ACCOUNT, ["C-1"]) == {"C-1": [second]}


def test_every_write_of_a_batch_that_the_org_fails_on_is_in_doubt(org):
    org.faults.add("status", 502, method="PATCH")

    outcomes = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1"), create("b", "C-2", Name="Firm 2")])

    assert [outcome.state for outcome in outcomes] == ["in_doubt", "in_doubt"]


def test_an_answer_without_results_leaves_the_batch_in_doubt(org):
    org.faults.add("status", 200, method="PATCH")

    [outcome] = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert outcome == Outcome("a", "in_doubt", message="answered 200 without a result for each record")


def test_a_write_that_can_not_leave_is_rejected_as_not_sent():
    nobody = connector.connect(
        SYSTEM, Connection("http://127.0.0.1:9", {"client_id": "demo-client-id", "client_secret": "demo-client-secret"})
    )
    nobody.login.attempts = 1

    [outcome] = nobody.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert outcome.state == "rejected"
    assert outcome.message.startswith("not sent: ")


def test_a_person_who_edits_between_look_and_write_keeps_the_edit(five):
    one, two, *_ = ids(five)
    seen = five.salesforce.look(ACCOUNT, [one, two])
    five.accounts.update(one, {"Phone": "+49 30 1"})

    outcomes = five.salesforce.write(
        ACCOUNT, [update(key, each, seen[each].version, Phone="+49 40 2") for key, each in (("a", one), ("b", two))]
    )

    assert outcomes == [Outcome("a", "moved", message="412"), Outcome("b", "acknowledged", two)]
    assert [five.accounts.rows[each]["Phone"] for each in (one, two)] == ["+49 30 1", "+49 40 2"]


def test_every_object_honours_the_precondition(org):
    contact = org.simulator.tables["Contact"].create({"Name": "Petra Holm"})
    version = org.salesforce.look(CONTACT, [contact])[contact].version
    org.simulator.tables["Contact"].update(contact, {"Title": "CFO"})

    [outcome] = org.salesforce.write(CONTACT, [update("a", contact, version, Title="CEO")])

    assert outcome.state == "moved"


def test_a_record_that_was_deleted_since_the_look_has_moved(five):
    one = ids(five)[0]
    version = five.salesforce.look(ACCOUNT, [one])[one].version
    five.accounts.delete(one)

    assert five.salesforce.write(ACCOUNT, [update("a", one, version, Phone="+49 40 2")]) == [
        Outcome("a", "moved", message="404 ENTITY_IS_DELETED entity is deleted")
    ]


def test_a_session_that_expired_before_a_write_is_renewed_and_the_write_is_done_once(org):
    list(org.salesforce.read(ACCOUNT, None))
    org.simulator.expire_tokens()

    [outcome] = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert outcome == Outcome("a", "acknowledged", ids(org)[0])
