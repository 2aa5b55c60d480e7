"""The workbench decides by the same functions as the command line, and shows again what its evidence changed."""

import re

import pytest
from small_firm import Small
from starlette.testclient import TestClient

from assets import publishing
from reconcile.web.app import app

A, B, C = "crm:Account:1", "crm:Account:2", "erp:Customer:7"


@pytest.fixture
def small(tmp_path):
    made = Small(tmp_path)
    made.say(A, Name="Brindle Works GmbH", Website="brindle.example")
    made.say(B, Name="Tarnfield Ltd", Website="tarnfield.example")
    made.say(C, Name="Brindle Works", Website="brindle.example")
    turn(made)
    return made


def turn(small):
    small.turn()
    publishing.publish(small.firm, small.journal)


@pytest.fixture
def bench(small):
    with TestClient(app(small.firm), base_url="http://127.0.0.1") as client:
        press(client, "/who", "/who", name="Stella Steward")
        yield client


def press(client, page, action, **fields):
    token = re.search(r'name="token" value="([0-9a-f]+)"', client.get(page).text).group(1)
    return client.post(action, data=fields | {"token": token, "back": page}, headers={"origin": "http://127.0.0.1"})


def test_a_steward_merges_splits_and_moves_on_the_page_of_a_hub_id(small, bench):
    page = "/entity/customer/C-000001"

    merged = press(bench, page, f"{page}/merge", other="C-000002", reason="one owner")
    turn(small)
    together = small.ties()
    refused = press(bench, page, f"{page}/split", record_ref=[A], reason="no")
    press(bench, page, "/undo")
    split = press(bench, page, f"{page}/split", record_ref=[C], replace="yes")
    moved = press(bench, page, f"{page}/move", record_ref=C, to="C-000002", replace="yes")
    turn(small)

    assert "C-000001 and C-000002 are one" in merged.text and "one owner" in bench.get(page).text
    assert len(set(together.values())) == 1
    assert (refused.status_code, "other words stand" in refused.text) == (409, True)
    assert f"{C} leaves C-000001" in split.text
    assert moved.status_code == 409  # C is with B in the newest cut, that is in the same hub id
    ties = small.ties()
    assert len({ties[A], ties[B], ties[C]}) == 3


def test_a_pair_whose_evidence_changed_waits_again_with_what_was_said_of_it(small, bench):
    press(bench, "/duplicates/customer", "/duplicates/customer/decide", left_ref=A, right_ref=C, verdict="different")
    turn(small)
    assert "0 wait" in bench.get("/duplicates/customer").text

    small.say(A, Phone="+49 30 7654321")
    turn(small)
    shown = bench.get("/duplicates/customer").text
    press(bench, "/duplicates/customer", "/duplicates/customer/decide", left_ref=A, right_ref=C, verdict="different")

    assert "1 wait" in shown and "Stella Steward said different, and the evidence changed since" in shown
    assert "0 wait" in bench.get("/duplicates/customer").text
    assert "1 wait" not in bench.get("/duplicates/customer").text


def test_two_that_nothing_speaks_for_any_more_are_shown_again_too(small, bench):
    press(bench, "/duplicates/customer", "/duplicates/customer/decide", left_ref=A, right_ref=C, verdict="same")
    turn(small)

    small.say(A, Name="Ostwald KG", Website="ostwald.example")
    turn(small)

    shown = bench.get("/duplicates/customer").text
    assert "1 wait" in shown and "Stella Steward said same, and the evidence changed since" in shown
