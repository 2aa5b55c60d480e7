"""What may be there already is not created, what nobody can see is not judged, and what is over is closed."""

import promises
import pytest
from test_creates import ACCOUNT, posts
from test_people import url_differs

from hub.journal import Event

ALIKE = {"companyName": "Ortwin Anlagenbau", "entityId": "C-9001"}


@pytest.fixture
def doubted(loop):
    """A signed customer that finance may have: a record there has its name and nothing else, and only a steward can say."""
    loop.alike = f"netsuite:customer:{loop.person_creates('netsuite', 'customer', ALIKE)}"
    loop.account = f"salesforce:Account:{loop.person_creates('salesforce', 'Account', ACCOUNT)}"
    return loop


def decide(loop, verdict):
    body = {"entity": "customer", "left_ref": loop.alike, "right_ref": loop.account, "verdict": verdict}
    loop.journal.append([Event("match.decided", f"{loop.alike} {loop.account}", body, "steward")])


def test_a_create_waits_while_a_steward_has_still_to_say_whether_it_is_there(doubted):
    plan = doubted.look_and_plan()
    doubted.approve()
    doubted.push()

    (create,) = [line for line in plan.lines if line.action == "create" and line.system == "netsuite"]
    assert (create.status, create.hold) == (
        "held",
        f"waits for a steward: {doubted.alike} may be it already; decide the pair in `hub serve`",
    )
    assert posts(doubted) == []
    assert promises.broken(doubted) == []


@pytest.mark.parametrize(("verdict", "created"), [("different", 1), ("same", 0)])
def test_the_stewards_decision_frees_the_create_or_ends_it(doubted, verdict, created):
    doubted.look_and_plan()

    decide(doubted, verdict)
    doubted.rest()

    assert len(posts(doubted)) == created
    assert promises.broken(doubted) == []


def test_a_push_whose_record_went_into_quarantine_waits_for_it(loop):
    record, _ = url_differs(loop)
    loop.push("netsuite")
    currency = dict(loop.rows("netsuite", "customer")[record]["currency"])
    loop.person_edits("netsuite", "customer", record, currency={"id": "99", "refName": "Doubloon"})

    loop.look_and_plan()
    assert f"quarantine:netsuite customer {record}" in loop.exceptions()
    assert not [each for each in loop.exceptions() if each.startswith("unconfirmed")]
    assert loop.on_their_way()

    loop.person_edits("netsuite", "customer", record, currency=currency)
    loop.look_and_plan()

    assert not loop.on_their_way()
    assert promises.broken(loop) == []


def test_a_refusal_is_over_when_the_person_writes_what_was_wanted(loop):
    record, _ = url_differs(loop)
    loop.person_edits("netsuite", "customer", record, url="von-hand.example")
    loop.push("netsuite")
    loop.look_and_plan()
    assert f"refused:netsuite customer {record} website" in loop.exceptions()

    loop.person_edits("netsuite", "customer", record, url="neu.example")
    plan = loop.look_and_plan()

    assert (loop.exceptions(), plan.lines) == ({}, ())
