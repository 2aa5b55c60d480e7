"""The workbench's page of why two records are one or not."""

import pytest
from played import Play
from starlette.testclient import TestClient

from assets import correct, publishing
from reconcile import charts
from reconcile.web.app import app


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.observe()
    play.understand()
    correct.make_plan(play.firm, play.journal)
    publishing.publish(play.firm, play.journal)
    yield play
    play.close()


@pytest.fixture
def steward(play):
    with TestClient(app(play.firm), base_url="http://127.0.0.1") as client:
        token = client.get("/who").text.split('name="token" value="')[1].split('"')[0]
        client.post("/who", data={"token": token, "name": "Stella Steward"}, headers={"origin": "http://127.0.0.1"})
        yield client


def test_the_page_of_a_pair_shows_the_waterfall_the_rule_and_what_would_reverse_it(play, steward):
    left, right = play.rows("SELECT left_ref, right_ref FROM identity.customer_pair WHERE verdict = 'forbid' ORDER BY 1, 2 LIMIT 1")[0]

    page = steward.get("/why/customer", params={"left": left, "right": right})

    assert page.status_code == 200
    assert "<h1>Why two" in page.text and "different tax_id" in page.text
    assert "<svg" in page.text and "if a steward said that they are the same, they would be one" in page.text
    assert [
        tax_id for (tax_id,) in play.rows("SELECT tax_id FROM canonical.customer WHERE tax_id IS NOT NULL") if tax_id in page.text
    ] == []


def test_a_page_of_no_pair_says_so(steward):
    page = steward.get("/why/customer", params={"left": "a:b:1", "right": "a:b:2"})

    assert page.status_code == 404
    assert "are not two records of customer" in page.text


def test_a_cluster_leads_to_why_its_records_are_linked(play, steward):
    hub_id = play.rows("SELECT hub_id FROM golden.customer WHERE record_count > 2 ORDER BY hub_id LIMIT 1")[0][0]

    page = steward.get(f"/entity/customer/{hub_id}")

    assert '<a href="/why/customer?left=' in page.text


def test_steps_are_drawn_from_sum_to_sum():
    drawn = charts.waterfall("w", "Weight", "start -9, name +12", [("start", 0, -9.0, "-9.0"), ("name", -9.0, 3.0, "+12.0")])

    assert drawn.count('class="against"') == drawn.count('class="for"') == 1
    assert "start -9, name +12" in drawn
