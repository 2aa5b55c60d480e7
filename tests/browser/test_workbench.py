"""What a steward and a controller do in the browser, and what the loop makes of it."""

import json
import re
import threading
import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PAGES = [
    "/",
    "/duplicates",
    "/duplicates/customer",
    "/clusters/customer",
    "/plan",
    "/plan?state=held",
    "/exceptions",
    "/discrepancies",
    "/ownership",
]
NAMELESS = """() => [...document.querySelectorAll('button, a, input:not([type=hidden])')]
  .filter(each => !(each.textContent.trim() || each.getAttribute('aria-label') || each.labels?.length)).map(each => each.outerHTML)"""


def test_every_page_opens_and_everything_to_press_has_a_name(world, steward):
    ((hub_id,),) = world.rows("SELECT hub_id FROM golden.customer WHERE record_count > 2 ORDER BY hub_id LIMIT 1")
    ((system, name, record_id),) = world.rows(
        "SELECT system, object, record_id FROM canonical.customer WHERE is_live ORDER BY record_ref LIMIT 1"
    )

    for path in [*PAGES, f"/entity/customer/{hub_id}", f"/record/{system}/{name}/{record_id}"]:
        answer = steward.page.goto(world.url + path)
        assert (path, answer.status, steward.page.evaluate(NAMELESS)) == (path, 200, [])
        assert steward.page.locator("h1").count() == 1


def test_a_steward_links_a_pair_with_one_key_takes_it_back_and_links_it_again(world, steward):
    page = steward.page
    page.goto(world.url + "/duplicates")
    page.click("table a:has-text('customer')")
    pair = [page.locator(f"input[name={side}_ref]").first.input_value() for side in ("left", "right")]

    page.keyboard.press("s")
    expect(page.locator(".said")).to_contain_text("are the same")
    page.keyboard.press("u")
    expect(page.locator(".said")).to_contain_text("Taken back")
    assert [page.locator(f"input[name={side}_ref]").first.input_value() for side in ("left", "right")] == pair
    page.keyboard.press("s")
    expect(page.locator(".said")).to_contain_text("are the same")
    world.cycle()

    assert [(actor, body["verdict"]) for actor, subject, body in world.said("match.decided") if subject == " ".join(pair)] == [
        ("Stella Steward", "same"),
        ("Stella Steward", "undone"),
        ("Stella Steward", "same"),
    ]
    assert len(world.rows("SELECT DISTINCT hub_id FROM journal.crossref WHERE list_contains(?, record_ref)", [pair])) == 1


def test_a_pair_that_is_left_for_later_waits_and_the_next_one_comes(world, steward):
    page = steward.page
    page.goto(f"{world.url}/duplicates/customer")
    waiting, decided = int(page.locator("h1 .count").inner_text().split()[0]), len(world.said("match.decided"))
    here = "aside li.here"
    first, left = page.locator(here).inner_text(), page.locator("input[name=left_ref]").first
    before = left.input_value()

    page.keyboard.press("k")
    expect(left).not_to_have_value(before)
    page.keyboard.press("d")
    expect(page.locator(".said")).to_contain_text("are different")

    assert len(world.said("match.decided")) == decided + 1
    page.goto(f"{world.url}/duplicates/customer")
    assert (page.locator(here).inner_text(), page.locator("h1 .count").inner_text()) == (first, f"{waiting - 1} wait")


def test_a_record_that_was_linked_wrongly_is_taken_out_of_its_cluster(world, steward):
    ((hub_id,),) = world.rows("SELECT hub_id FROM golden.customer WHERE record_count = 3 ORDER BY hub_id DESC LIMIT 1")
    records = world.rows("SELECT record_ref FROM identity.customer WHERE hub_id = ? AND is_live ORDER BY record_ref", [hub_id])
    ref, *others = [row[0] for row in records]
    steward.page.goto(f"{world.url}/entity/customer/{hub_id}")

    steward.page.get_by_role("button", name=f"{ref} is different").click()
    expect(steward.page.locator(".said")).to_contain_text(f"{ref} leaves {hub_id}")
    world.cycle()

    ties = dict(world.rows("SELECT record_ref, hub_id FROM journal.crossref WHERE list_contains(?, record_ref)", [[ref, *others]]))
    assert ties[ref] not in {ties[other] for other in others}


def test_a_line_that_a_controller_consents_to_is_in_the_system_after_the_next_cycle(world, steward):
    page = steward.page
    page.goto(f"{world.url}/plan?state=needs_consent&system=salesforce&object=Account&action=update&field=legal_name")
    box = page.locator("input[name=line]").first
    line = next(line for line in world.lines("needs_consent") if line.line_id == box.get_attribute("value"))

    box.check()
    page.keyboard.press("c")
    expect(page.locator(".said")).to_contain_text("You consented to 1 lines")
    assert page.locator(f"#line-{line.line_id}").count() == 0
    world.cycle()

    assert world.account(line.record_id)["Name"] == json.loads(line.want)["legal_name"]
    page.goto(f"{world.url}/record/salesforce/Account/{line.record_id}")
    expect(page.locator("table:has-text('What was written')")).to_contain_text("Stella Steward")


def test_consent_is_taken_back_before_the_push_and_nothing_is_written(world, steward):
    page = steward.page
    page.goto(f"{world.url}/plan?state=needs_consent&system=salesforce&object=Account&action=update&field=legal_name")
    line_id = page.locator("input[name=line]").first.get_attribute("value")
    line = next(line for line in world.lines("needs_consent") if line.line_id == line_id)
    page.locator("input[name=line]").first.check()
    page.keyboard.press("c")
    expect(page.locator(".said")).to_contain_text("You consented")

    page.goto(f"{world.url}/plan?state=approved")
    page.locator(f"#line-{line_id}").get_by_role("button", name="Take consent back").click()
    expect(page.locator(".said")).to_contain_text("Consent is taken back")
    world.cycle()

    assert world.account(line.record_id)["Name"] == json.loads(line.base)["legal_name"]


def test_consent_to_a_plan_that_is_another_by_now_is_refused_where_one_sees_it(world, steward):
    page, steward.expected = steward.page, ("409",)
    page.goto(world.url + "/plan")
    read = page.locator("input[name=hash]").first.input_value()
    page.locator("input[name=line]").first.check()
    world.twin.people_edit(1)
    world.cycle()
    consents = len(world.said("plan.approved"))

    page.keyboard.press("c")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was consented to")
    assert len(world.said("plan.approved")) == consents
    assert page.locator("input[name=hash]").first.input_value() != read


def test_a_refused_line_shows_what_the_person_wrote_and_replay_puts_it_up_for_a_new_consent(world, steward):
    page = steward.page
    waiting = world.lines("needs_consent", system="salesforce", object="Account", field="legal_name")
    line = [line for line in waiting if "Stella Steward" not in (line.authors or "")][-1]  # nobody consents to their own change
    page.goto(f"{world.url}/plan?state=needs_consent&system=salesforce&object=Account&action=update&field=legal_name")
    page.locator(f"input[value='{line.line_id}']").check()
    page.keyboard.press("c")
    expect(page.locator(".said")).to_contain_text("You consented")
    accounts = world.twin.simulators["salesforce"].tables["Account"]
    world.cycle(between=lambda: accounts.update(line.record_id, {"Name": "Meadowbrook Example Holding"}))

    page.goto(world.url + "/exceptions?kind=refused")
    row = page.locator(f"tr:has-text('{line.record_id}')")
    expect(row).to_contain_text("Meadowbrook Example Holding")
    expect(row).to_contain_text(json.loads(line.want)["legal_name"])
    row.get_by_role("button", name=re.compile("Replay")).click()
    expect(page.locator(".said")).to_contain_text("up for a new consent")
    expect(page.locator(f"tr:has-text('{line.record_id}')")).to_have_count(0)
    world.cycle()

    again = world.lines("needs_consent", system="salesforce", record_id=line.record_id, field="legal_name")
    assert [json.loads(each.base) for each in again] == [{"legal_name": "Meadowbrook Example Holding"}]
    assert world.account(line.record_id)["Name"] == "Meadowbrook Example Holding"


def test_a_waived_line_leaves_the_plan_with_its_reason(world, steward):
    page = steward.page
    page.goto(world.url + "/plan")
    row = page.locator("tr:has(input[name=line])").last
    line_id = row.locator("input[name=line]").get_attribute("value")

    row.get_by_text("Waive").first.click()
    row.get_by_label("Reason").fill("agreed with the customer")
    row.get_by_role("button", name="Waive").click()
    expect(page.locator(".said")).to_contain_text("Waived")
    world.cycle()

    assert line_id not in {line.line_id for status in ("needs_consent", "approved", "held") for line in world.lines(status)}
    assert ("agreed with the customer", "Stella Steward") in world.rows("SELECT reason, actor FROM journal.waiver")


def test_pages_keep_answering_while_a_cycle_runs(world, steward):
    cycle = threading.Thread(target=world.cycle)
    waits = []

    cycle.start()
    while cycle.is_alive():
        began = time.monotonic()
        assert steward.page.goto(world.url + PAGES[len(waits) % len(PAGES)]).status == 200
        waits.append(time.monotonic() - began)
    cycle.join()

    assert len(waits) > 3
    assert max(waits) < 5  # a page that waited for the hub would wait for whole steps


def test_a_name_that_is_a_script_is_shown_and_never_run(world, steward):
    page = steward.page
    ((record_id,),) = world.rows("SELECT record_id FROM canonical.customer WHERE system = 'netsuite' AND contains(legal_name, '<script>')")

    page.goto(f"{world.url}/record/netsuite/customer/{record_id}")

    expect(page.locator("main")).to_contain_text("<script>")
    assert "taken over" not in page.title()


def test_sensitive_values_are_masked_until_shown_and_the_look_is_journaled(world, steward):
    page = steward.page
    known = world.rows(
        "SELECT record_id, tax_id FROM canonical.customer WHERE system = 'netsuite' AND tax_id IS NOT NULL ORDER BY record_id LIMIT 1"
    )
    ((record_id, tax_id),) = known
    page.goto(f"{world.url}/record/netsuite/customer/{record_id}")
    assert tax_id not in page.content()

    page.get_by_role("button", name="Show sensitive values").click()

    expect(page.locator("main")).to_contain_text(tax_id)
    assert world.said("sensitive.shown")[-1] == ("Stella Steward", f"/record/netsuite/customer/{record_id}", {"query": ""})
