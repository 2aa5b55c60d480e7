"""Nothing fails silently: what goes wrong becomes work for a person, with the next step, and stops being that when it is over."""

import promises
from loop import Loop
from test_creates import POST, new_customer
from test_people import customer, url_differs

from reconcile import plan


def test_a_system_that_can_not_be_read_is_told_of_until_it_can(loop: Loop):
    loop.twin.faults["netsuite"].add("status", 503, path="/suiteql", times=10)
    loop.observe("netsuite")
    told = loop.exceptions()

    loop.observe("netsuite")

    assert told.keys() == {"unreachable:netsuite customer", "unreachable:netsuite invoice"}
    assert all("run again" in message for message in told.values())
    assert loop.exceptions() == {}


def test_a_record_that_can_not_be_seen_for_a_moment_costs_a_turn_and_no_decision(loop: Loop):
    record, _ = url_differs(loop)
    loop.twin.faults["netsuite"].add("status", 503, path="/suiteql", times=5)

    loop.push("netsuite")
    told = loop.exceptions()
    loop.rest()

    assert told.keys() == {f"unseen:netsuite customer {record} website"}
    assert loop.exceptions() == {}
    assert loop.rows("netsuite", "customer")[record]["url"] == "neu.example"


def test_a_refused_write_is_told_of_in_the_words_of_the_system(loop: Loop):
    new_customer(loop)
    loop.twin.faults["netsuite"].add("status", 400, method="POST", path=POST)

    loop.push("netsuite")

    (message,) = loop.exceptions().values()
    assert "400" in message and "hub replay" in message
    loop.rest()
    assert loop.plan().count("held") == 1
    assert promises.unexplained(loop) == []


def test_a_write_that_never_leaves_becomes_a_dead_letter(loop: Loop):
    record, _ = url_differs(loop)

    def lock_out():
        loop.twin.simulators["netsuite"].expire_tokens()
        loop.twin.faults["netsuite"].add("status", 400, path="/token")

    for _ in range(3):
        loop.recorders["netsuite"].before.append(("/record/v1/customer", lock_out))
        assert loop.push("netsuite") == {"netsuite": {"not_sent": 1}}

    assert loop.push("netsuite") == {"netsuite": {}}
    assert "3 times" in loop.exceptions()[f"dead_letter:netsuite customer {record} website"]


def test_without_consent_nothing_is_written(loop: Loop):
    record, account = customer(loop)
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.look_and_plan()

    loop.push()

    assert loop.written() == []


def test_consent_taken_back_is_not_given_again_by_a_policy(loop: Loop):
    url_differs(loop)
    (line,) = loop.plan().lines
    plan.withdraw(loop.journal, "present", "controller", [line.line_id])

    (again,) = loop.plan().lines
    loop.push()

    assert (line.status, again.status) == ("approved", "needs_consent")
    assert loop.written() == []
