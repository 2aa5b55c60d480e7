"""Whatever happens, in whatever order: the promises hold after every step, and the loop comes to rest."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import promises
import pytest
from hypothesis import given, strategies as st
from loop import Killed, dying
from test_people import customer

from assets import evaluation
from hub.journal import Journal
from hub.systems.netsuite.connector import NetSuite
from hub.systems.salesforce.connector import Salesforce
from reconcile import resolve, touched

DEATHS = [
    (Journal, "append"),
    (NetSuite, "write"),
    (Salesforce, "write"),
    (resolve, "done"),
    (touched, "touch"),
    (evaluation, "_evaluate"),
]
FAULTS = ["cut_after", "cut_before", "status"]


def person(loop, number):
    """A person does one of the things that people do, on a record that `number` picks."""
    records, accounts = sorted(loop.rows("netsuite", "customer")), sorted(loop.rows("salesforce", "Account"))
    record, account = records[number % len(records)], accounts[number % len(accounts)]
    acts = [
        lambda: loop.person_edits("netsuite", "customer", record, companyName=f"Firma {number} GmbH"),
        lambda: loop.person_edits("netsuite", "customer", record, url=f"hand-{number}.example"),
        lambda: loop.person_edits("salesforce", "Account", account, Website=f"sales-{number}.example", Phone=f"+49 30 5550{number:03d}"),
        lambda: loop.person_edits("salesforce", "Account", account, Name=f"Kunde {number} AG"),
        lambda: loop.person_creates(
            "salesforce",
            "Account",
            {"Name": f"Neukunde {number} GmbH", "Type": "Customer - Direct", "CurrencyIsoCode": "EUR", "Legal_Entity__c": "DE01"},
        ),
        lambda: loop.person_deletes("salesforce", "Account", account, into=accounts[(number + 1) % len(accounts)]),
        lambda: loop.person_deletes("netsuite", "customer", record),
        lambda: _posts(loop),
    ]
    acts[number % len(acts)]()


def _posts(loop):
    drafts = [key for key, row in loop.rows("netsuite", "invoice").items() if row["status"]["id"] == "D"]
    if drafts:
        loop.person_edits("netsuite", "invoice", drafts[0], status={"id": "A"})


def fault(loop, number):
    """One of the next writes of a system goes wrong."""
    kind, system, path = FAULTS[number % 3], *(("netsuite", "/record/v1/"), ("salesforce", "/composite"))[number % 2]
    loop.twin.faults[system].add(kind, (500, 503, 429)[number % 3], path=path)


def step(loop, what, number):
    where, name = DEATHS[number % len(DEATHS)]
    chance = lambda line: int(line.line_id[:2], 16) % 2 == number % 2
    {
        "person": lambda: person(loop, number),
        "fault": lambda: fault(loop, number),
        "observe": loop.observe,
        "full": lambda: loop.observe(full=True),
        "understand": loop.understand,
        "plan": loop.plan,
        "approve": loop.approve,
        "some": lambda: loop.approve(chance),
        "push": loop.push,
        "turn": loop.turn,
        "death": lambda: _dies(loop, where, name, number),
    }[what]()


def _dies(loop, where, name, number):
    with dying(where, name, after=bool(number % 2), at=1 + number % 3), contextlib.suppress(Killed):
        loop.turn()


STEPS = st.tuples(
    st.sampled_from(
        ["person"] * 4 + ["turn"] * 2 + ["death"] * 2 + ["fault", "observe", "full", "understand", "plan", "approve", "some", "push"]
    ),
    st.integers(0, 199),
)


def test_a_firm_is_brought_to_rest_with_every_promise_kept(firm_at_rest):
    _, kept = firm_at_rest

    assert kept["broken"] == []


@given(st.lists(STEPS, min_size=4, max_size=8))
def test_every_promise_holds_after_every_step_and_the_loop_comes_to_rest(firm_at_rest, steps):
    made, kept = firm_at_rest
    loop = made.back(kept)

    for what, number in steps:
        step(loop, what, number)
        assert promises.broken(loop) == []

    for faults in loop.twin.faults.values():
        faults.pending.clear()
    loop.rest()
    assert promises.broken(loop) == []
    before = len(loop.written())
    loop.turn()
    assert len(loop.written()) == before
    assert promises.unexplained(loop) == []


@pytest.mark.parametrize(("where", "name"), DEATHS)
def test_a_turn_that_dies_is_finished_by_the_next_and_leaves_the_same_tables(loop, where, name):
    record, account = customer(loop)
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.person_edits("salesforce", "Account", account, Website="neu.example")
    with dying(where, name), pytest.raises(Killed):
        loop.turn()

    loop.rest()

    assert loop.rows("salesforce", "Account")[account]["Name"] == "Umbenannt GmbH"
    assert loop.rows("netsuite", "customer")[record]["url"] == "neu.example"
    assert promises.broken(loop) == []
    assert promises.unexplained(loop) == []


@pytest.mark.parametrize(("where", "name", "at"), [(touched, "touch", 1), (evaluation, "_evaluate", 5)])
def test_a_renumbered_document_leaves_no_stale_golden_record_when_the_run_dies(loop, where, name, at):
    invoice = next(iter(loop.rows("salesforce", "Invoice__c")))
    loop.person_edits("salesforce", "Invoice__c", invoice, Name="INV-99999")
    loop.observe()
    with dying(where, name, at=at), pytest.raises(Killed):
        loop.understand()

    loop.understand()

    assert (
        loop.hub("""
      SELECT coalesce(g.hub_id, i.hub_id) FROM golden.invoice AS g
      FULL JOIN (SELECT hub_id, count(*) AS n FROM identity.invoice WHERE is_live GROUP BY hub_id) AS i ON i.hub_id = g.hub_id
      WHERE g.record_count IS DISTINCT FROM i.n""")
        == []
    )


def test_two_that_read_a_system_at_once_do_not_disturb_each_other(loop):
    with ThreadPoolExecutor(3) as readers:
        seen = list(readers.map(lambda _: loop.observe("salesforce", full=True)["salesforce"], range(3)))

    assert [sorted(each.manifests) for each in seen] == [["Account", "Invoice__c"]] * 3
    assert [each.troubles for each in seen] == [[], [], []]
