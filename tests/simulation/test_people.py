"""A person's edit is never lost or overwritten, a posted transaction never touched, and nothing taken for deleted because it was missing."""

from unittest import mock

import promises

from assets import rebuild
from hub.journal import Event
from hub.systems.netsuite.connector import NetSuite


def customer(loop):
    """A finance record and the account of the same customer, of whom neither system has a second one."""
    return loop.hub("""
      SELECT any_value(record_id) FILTER (WHERE system = 'netsuite'), any_value(record_id) FILTER (WHERE system = 'salesforce') FROM identity.customer
      WHERE is_live GROUP BY hub_id HAVING count(*) = 2 AND count(DISTINCT system) = 2 ORDER BY hub_id LIMIT 1""")[0]


def url_differs(loop):
    """Sales' new website is planned for finance, and approved by policy."""
    record, account = customer(loop)
    loop.person_edits("salesforce", "Account", account, Website="neu.example")
    loop.look_and_plan()
    return record, account


def test_a_person_who_edits_between_plan_and_push_keeps_the_edit(loop):
    record, _ = url_differs(loop)
    loop.person_edits("netsuite", "customer", record, url="von-hand.example")

    assert loop.push("netsuite") == {"netsuite": {"refused": 1}}

    assert loop.rows("netsuite", "customer")[record]["url"] == "von-hand.example"
    assert promises.broken(loop) == []


def test_what_a_person_wrote_just_as_the_plan_wants_it_is_left_alone_and_asks_nobody_anything(loop):
    record, _ = url_differs(loop)
    loop.person_edits("netsuite", "customer", record, url="neu.example")
    written = len(loop.written())

    assert loop.push("netsuite") == {"netsuite": {"already there": 1}}

    assert len(loop.written()) == written
    assert loop.exceptions() == {}
    assert loop.look_and_plan().lines == ()
    assert promises.broken(loop) == []


def differing(loop):
    """The tables of the hub that are not what snapshots, journal and rules make of them."""
    return [each.table for each in rebuild.verify(loop.firm) if not each.equal]


def left_out(record, field):
    """NetSuite's answers leave a field of a record out."""
    real = NetSuite._pages

    def pages(self, wanted):
        for rows, last in real(self, wanted):
            yield [{key: value for key, value in row.items() if row.get("id") != record or key != field} for row in rows], last

    return mock.patch.object(NetSuite, "_pages", pages)


def test_what_a_look_shows_and_no_incremental_read_would_has_the_object_read_in_full(loop):
    """An answer that left a field out once reads like an empty field, and the record bears no new stamp since."""
    record, _ = customer(loop)

    with left_out(record, "url"):
        loop.observe("netsuite", full=True)
        loop.understand()
        (line,) = loop.plan().lines
    assert (line.record_id, line.field, line.status) == (record, "website", "approved")

    assert loop.push("netsuite") == {"netsuite": {"already there": 1}}
    assert differing(loop) == []

    assert loop.look_and_plan().lines == ()
    assert loop.hub("SELECT * FROM capture.belied") == []
    assert promises.broken(loop) == []


def invoice(loop):
    """An invoice of the ledger: its id, its ref and its hub id."""
    return loop.hub("SELECT record_id, record_ref, hub_id FROM identity.invoice WHERE system = 'netsuite' AND is_live ORDER BY 1 LIMIT 1")[
        0
    ]


def test_a_number_that_one_answer_left_out_makes_no_other_thing_of_an_invoice(loop):
    record, ref, hub_id = invoice(loop)
    number = loop.rows("netsuite", "invoice")[record]["tranId"]
    written = len(loop.written())

    with left_out(record, "tranid"):
        loop.observe("netsuite", full=True)
        loop.understand()
        assert loop.plan().lines == ()
    says = f"netsuite invoice {record}: tranId was {number}, and is left out; the next run asks again"
    assert says in loop.exceptions().values()
    assert loop.hub("SELECT hub_id FROM journal.crossref WHERE record_ref = ?", ref) == [(hub_id,)]
    assert differing(loop) == []

    loop.turn()

    assert (loop.exceptions(), loop.hub("SELECT * FROM capture.quarantine"), len(loop.written())) == ({}, [], written)
    assert promises.broken(loop) == []


def test_a_number_that_is_left_out_twice_was_taken_away(loop):
    record, ref, hub_id = invoice(loop)
    loop.person_edits("netsuite", "invoice", record, tranId="")

    loop.look_and_plan()
    assert loop.hub("SELECT hub_id FROM journal.crossref WHERE record_ref = ?", ref) == [(hub_id,)]
    loop.look_and_plan()

    ((other,),) = loop.hub("SELECT hub_id FROM journal.crossref WHERE record_ref = ?", ref)
    assert other != hub_id
    assert loop.hub("SELECT * FROM capture.quarantine") == []


def test_a_policy_does_not_approve_what_a_person_just_changed(loop):
    record, _ = url_differs(loop)
    loop.person_edits("netsuite", "customer", record, url="von-hand.example")
    loop.push("netsuite")

    (line,) = loop.look_and_plan().lines
    loop.push("netsuite")

    assert (line.status, line.field) == ("held", "website")
    assert f"refused:netsuite customer {record} website" in loop.exceptions()
    assert loop.rows("netsuite", "customer")[record]["url"] == "von-hand.example"


def test_a_person_who_edits_while_we_write_keeps_the_edit(loop):
    account = customer(loop)[1]
    record = loop.rows("salesforce", "Account")[account]
    loop.person_edits("netsuite", "customer", customer(loop)[0], companyName="Umbenannt GmbH")
    loop.look_and_plan()
    loop.approve()
    loop.recorders["salesforce"].before.append(
        ("/composite", lambda: loop.person_edits("salesforce", "Account", account, Name="Von Hand GmbH"))
    )

    assert loop.push("salesforce") == {"salesforce": {"moved": 1}}

    assert record["Name"] == "Von Hand GmbH"
    assert promises.broken(loop) == []


def test_consent_to_change_one_value_is_no_consent_to_change_another(loop):
    record, account = customer(loop)
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.look_and_plan()
    assert loop.approve() == 1
    loop.person_edits("salesforce", "Account", account, Name="Von Hand GmbH")

    (line,) = loop.look_and_plan().lines
    loop.push()

    assert line.status == "needs_consent"
    assert loop.rows("salesforce", "Account")[account]["Name"] == "Von Hand GmbH"
    assert promises.broken(loop) == []


def test_consent_counts_once(loop):
    record, account = customer(loop)
    before = loop.rows("salesforce", "Account")[account]["Name"]
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.rest()
    loop.person_edits("salesforce", "Account", account, Name=before)

    (line,) = loop.look_and_plan().lines
    loop.push()

    assert line.status == "needs_consent"
    assert loop.rows("salesforce", "Account")[account]["Name"] == before


def test_a_record_deleted_between_plan_and_push_stays_deleted(loop):
    record, _ = url_differs(loop)
    loop.person_deletes("netsuite", "customer", record)

    assert loop.push("netsuite") == {"netsuite": {"refused": 1}}

    assert record not in loop.rows("netsuite", "customer")
    assert promises.broken(loop) == []


def test_a_record_merged_away_between_plan_and_push_is_not_written(loop):
    record, account = customer(loop)
    other = next(key for key in loop.rows("salesforce", "Account") if key != account)
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.look_and_plan()
    loop.approve()
    loop.person_deletes("salesforce", "Account", account, into=other)

    assert loop.push("salesforce")["salesforce"]["refused"] == 1

    assert promises.broken(loop) == []


def test_records_that_nobody_shows_any_more_are_not_taken_for_deleted(loop):
    """As when a role loses a permission: neither the list nor the look nor the list of deleted records knows them."""
    hidden = sorted(loop.rows("netsuite", "customer"))[:5]
    real = NetSuite._pages

    def pages(self, wanted):
        for rows, last in real(self, wanted):
            yield [row for row in rows if row.get("id") not in hidden], last

    with mock.patch.object(NetSuite, "_pages", pages):
        loop.observe("netsuite", full=True)
        loop.understand()
        plan = loop.plan()

    assert loop.hub(
        "SELECT count(*) FROM capture.change WHERE kind IN ('delete', 'merge') AND object = 'customer' AND record_id IN (SELECT unnest(?))",
        hidden,
    ) == [(0,)]
    assert plan.lines == ()
    assert promises.broken(loop) == []


def test_when_most_records_are_gone_at_once_the_object_stops_and_somebody_is_told(loop):
    real = NetSuite._pages

    def pages(self, wanted):
        for rows, last in real(self, wanted):
            yield rows[:5], last

    with mock.patch.object(NetSuite, "_pages", pages):
        loop.observe("netsuite", full=True)

    assert "contract:netsuite customer" in loop.exceptions()
    assert loop.hub("SELECT count(*) FROM capture.netsuite__customer WHERE _gone IS NOT NULL") == [(0,)]


def pinned(loop, status):
    """An invoice with this status whose due date a steward has pinned to another day."""
    record = next(key for key, row in loop.rows("netsuite", "invoice").items() if row["status"]["id"] == status)
    ref = f"netsuite:invoice:{record}"
    loop.journal.append([Event("value.pinned", ref, {"record_ref": ref, "column": "due_on", "value": "2027-01-15"}, "steward")])
    return record, loop.look_and_plan()


def test_a_posted_invoice_is_held_and_can_not_be_approved(loop):
    record, plan = pinned(loop, "A")

    (line,) = [line for line in plan.lines if line.system == "netsuite"]
    loop.approve()
    loop.push()

    assert (line.status, line.hold) == ("held", "posted; the lawful way is a credit_memo")
    assert loop.written("netsuite") == []
    assert promises.broken(loop) == []


def test_an_invoice_posted_between_plan_and_push_is_not_written(loop):
    record, plan = pinned(loop, "D")
    loop.approve()
    loop.person_edits("netsuite", "invoice", record, status={"id": "A"})

    assert loop.push("netsuite") == {"netsuite": {"refused": 1}}

    assert loop.written("netsuite") == []
    assert promises.broken(loop) == []


def test_an_invoice_that_was_read_as_posted_since_the_plan_waits_for_the_next_one(loop):
    record, _ = pinned(loop, "D")
    loop.approve()
    loop.person_edits("netsuite", "invoice", record, status={"id": "A"})
    loop.observe("netsuite")

    assert loop.push("netsuite") == {"netsuite": {"waiting": 1}}

    assert loop.written("netsuite") == []
    assert promises.broken(loop) == []
