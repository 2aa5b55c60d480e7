"""What must not work: requests from elsewhere, stale consent, names that are code. No browser needed."""

import re

import pytest
from starlette.testclient import TestClient

from hub import firm
from reconcile.web.app import app

OURS = "http://127.0.0.1"


@pytest.fixture
def client(world):
    """Somebody with a name, at the workbench."""
    with TestClient(app(world.firm), base_url=OURS, follow_redirects=False) as client:
        post(client, "/who", {"name": "Carl Controller"})
        yield client


def token(client, path="/plan"):
    return re.search('name="token" value="([^"]+)"', client.get(path).text)[1]


def post(client, path, form, origin=OURS, key=None):
    return client.post(path, data={"token": key or token(client, "/who"), **form}, headers={"origin": origin} if origin else {})


def test_a_form_without_our_token_changes_nothing(world, client):
    before = world.journal.head()

    answer = post(client, "/undo", {}, key="x" * 64)

    assert (answer.status_code, world.journal.head()) == (403, before)
    assert "nothing was changed" in answer.text


@pytest.mark.parametrize("origin", [None, "null", "https://elsewhere.example", "http://127.0.0.1:9"])
def test_a_form_from_another_site_changes_nothing(world, client, origin):
    before = world.journal.head()

    answer = post(client, "/undo", {}, origin=origin)

    assert (answer.status_code, world.journal.head()) == (403, before)


def test_another_host_name_that_leads_to_this_machine_is_refused(client):
    assert client.get("/plan", headers={"host": "rebound.example"}).status_code == 400


def test_nothing_is_shown_before_a_name_is_given(world):
    with TestClient(app(world.firm), base_url=OURS, follow_redirects=False) as nobody:
        assert nobody.get("/plan?state=held").headers["location"] == "/who?next=/plan%3Fstate%3Dheld"


@pytest.mark.parametrize("name", ["", "  ", "hub", "Policy", "a" * 81, "tab\u202eeman"])
def test_a_name_that_no_person_has_is_refused(world, name):
    with TestClient(app(world.firm), base_url=OURS, follow_redirects=False) as nobody:
        assert post(nobody, "/who", {"name": name}).status_code == 409


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)"])
def test_a_name_leads_on_to_our_own_pages_only(client, elsewhere):
    assert post(client, "/who", {"name": "Carl Controller", "next": elsewhere}).headers["location"] == "/"


def test_consent_with_a_stale_hash_is_refused_and_the_present_plan_is_shown(world, client):
    line, before = world.lines("needs_consent")[0], world.journal.head()

    answer = post(client, "/plan/approve", {"hash": "0123456789abcdef", "line": line.line_id, "state": "needs_consent"})

    assert (answer.status_code, world.journal.head()) == (409, before)
    assert "Nothing was consented to" in answer.text
    assert 'name="hash" value="0123456789abcdef"' not in answer.text


def test_consent_to_a_group_is_consent_to_its_lines_and_no_others(world, client):
    wanted = {line.line_id for line in world.lines("needs_consent", system="netsuite", object="employee", field="full_name")}
    page = client.get("/plan?state=needs_consent&system=netsuite&object=employee&action=update&field=full_name").text
    seal = re.search('name="hash" value="([^"]+)"', page)[1]

    answer = post(
        client,
        "/plan/approve",
        {"hash": seal, "all": "1", "system": "netsuite", "object": "employee", "action": "update", "field": "full_name"},
    )

    assert answer.status_code == 303
    assert set(world.said("plan.approved")[-1][2]["lines"]) == wanted != set()


def test_consent_is_not_given_twice(world, client):
    line = world.lines("needs_consent", system="ironclad")[0]
    seal = re.search('name="hash" value="([^"]+)"', client.get("/plan").text)[1]

    answers = [post(client, "/plan/approve", {"hash": seal, "line": line.line_id}).status_code for _ in range(2)]

    assert answers == [303, 409]


def test_records_that_are_none_can_not_be_linked(world, client):
    before = world.journal.head()

    answer = post(client, "/duplicates/customer/decide", {"left_ref": "a:b:1", "right_ref": "a:b:2", "verdict": "same"})

    assert (answer.status_code, world.journal.head()) == (404, before)


def test_a_customer_named_with_a_script_is_escaped_on_every_page(client):
    paths = ("/plan?state=needs_consent", "/clusters/customer?q=script", "/discrepancies?system=salesforce", "/duplicates/customer")
    found = [client.get(path).text for path in paths]

    assert not any("<script>document" in page for page in found)
    assert sum("&lt;script&gt;document" in page for page in found) > 1


def test_what_is_asked_for_is_escaped_too(client):
    assert "<script>" not in client.get("/clusters/customer?q=<script>alert(1)</script>").text.replace('<script src="/', "")


def test_every_answer_allows_nothing_from_elsewhere(client):
    for path in ("/", "/plan", "/static/workbench.css", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


def test_pages_carry_no_inline_script_or_style(client):
    for path in ("/", "/plan", "/duplicates/customer", "/exceptions"):
        page = client.get(path).text
        assert re.findall(r"<script(?! src)|<style|\sstyle=|\son\w+=", page) == []


@pytest.mark.parametrize(
    "path", ["/nowhere", "/entity/customer/C-999999", "/entity/starship/S-1", "/record/netsuite/customer/none", "/record/mars/rover/1"]
)
def test_what_is_not_there_is_a_page_that_says_how_to_go_on(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "Not done" in answer.text and 'href="/"' in answer.text


def test_before_the_first_cycle_the_page_says_what_to_run(tmp_path, world):
    (tmp_path / "concord.yaml").write_text((world.firm.folder / "concord.yaml").read_text())
    with TestClient(app(firm.read(tmp_path)), base_url=OURS, follow_redirects=False) as client:
        post(client, "/who", {"name": "Carl Controller"})

        answer = client.get("/")

    assert answer.status_code == 503
    assert "hub run" in answer.text


def test_the_report_is_of_the_newest_cut_and_may_run_nothing(client):
    answer = client.get("/report")

    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
