"""Our connector against the NetSuite simulator over HTTP."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub import mapping, nested
from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Outcome, Seen, Write
from hub.systems.netsuite import assertion, connector, gate, simulator
from hub.systems.simulator import Clock, Faults, Faulty, serving

SYSTEM = mapping.read(Path(connector.__file__).parent / "system.yaml")
CUSTOMER, ORDER, INVOICE = (SYSTEM.objects[name] for name in ("customer", "salesOrder", "invoice"))
QUERY, RECORDS = "/services/rest/query/v1/suiteql", "/services/rest/record/v1"


class Spoiled:
    """Middleware that spoils the answers to queries on their way, as proxies and outages do."""

    def __init__(self, app):
        self.app, self.spoil = app, None

    async def __call__(self, scope, receive, send):
        if not (self.spoil and scope["path"] == QUERY):
            await self.app(scope, receive, send)
            return
        body = bytearray()

        async def catch(message):
            body.extend(message.get("body", b""))

        await self.app(scope, receive, catch)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.spoil(bytes(body))})


class Account:
    """A served account of five customers, and a connector that reads two rows a page."""

    def __init__(self, url, simulated, faults, spoiled):
        self.simulator, self.faults, self.spoiled, self.url = simulated, faults, spoiled, url
        self.customers = simulated.tables["customer"]
        self.connector = connector.connect(SYSTEM, Connection(url, simulated.secrets, {"rows": 2}))
        for number in range(1, 6):
            self.customers.create({"companyName": f"Customer {number}", "subsidiary": {"id": "2"}})

    def names(self, since=None):
        return [row["companyName"] for page in self.connector.read(CUSTOMER, since) for row in page.rows]

    def create(self, hub_id="C-1", each=CUSTOMER, **values):
        body = mapping.outward(each, {"legal_name": "New GmbH", "legal_entity": "DE01"} | values if each is CUSTOMER else values)
        return self.connector.write(each, [Write("k", "create", None, hub_id, body)])

    def update(self, record_id, version=None, each=CUSTOMER, **values):
        return self.connector.write(each, [Write("k", "update", record_id, "C-1", mapping.outward(each, values), version)])


@pytest.fixture
def account():
    faults, simulated = Faults(), simulator.Simulator(Clock())
    spoiled = Spoiled(simulated.app)
    with serving({"netsuite": Faulty(spoiled, faults)}) as urls:
        account = Account(urls["netsuite"], simulated, faults, spoiled)
        yield account
        account.connector.close()


def test_a_full_read_gives_every_record_once_and_only_its_end_is_marked_last(account):
    pages = list(account.connector.read(CUSTOMER, None))

    assert [row["companyName"] for page in pages for row in page.rows] == [f"Customer {number}" for number in range(1, 6)]
    assert [page.last for page in pages] == [False, False, False, True]  # the first page lists deleted records


def test_an_incremental_read_gives_what_was_changed_or_deleted_since(account):
    *_, page = account.connector.read(CUSTOMER, None)
    account.customers.update("1002", {"companyName": "Renamed"})
    account.customers.delete("1004")

    rows = [row for each in account.connector.read(CUSTOMER, page.watermark) for row in each.rows]

    # The watermark is inclusive.
    assert [(row["id"], row["companyName"], row["isDeleted"]) for row in rows] == [
        ("1004", None, True),
        ("1002", "Renamed", False),
        ("1005", "Customer 5", False),
    ]


def test_a_record_deleted_between_two_pages_hides_no_other(account):
    pages = account.connector.read(CUSTOMER, None)
    read = [next(pages), next(pages)]
    account.customers.delete("1001")

    read += pages

    assert [row["id"] for page in read for row in page.rows] == ["1001", "1002", "1003", "1004", "1005"]


def test_what_changes_on_the_pages_behind_us_is_read_the_next_time(account):
    pages = account.connector.read(CUSTOMER, None)
    read = [next(pages), next(pages)]
    account.customers.update("1001", {"companyName": "Changed behind us"})
    account.customers.update("1005", {"companyName": "Changed ahead of us"})
    read += pages

    assert account.names(since=read[-1].watermark) == ["Changed behind us", "Changed ahead of us"]


def test_a_token_that_expires_between_two_pages_is_renewed(account):
    pages = account.connector.read(CUSTOMER, None)
    first = [next(pages), next(pages)]
    account.simulator.expire_tokens()

    assert len([row for page in [*first, *pages] for row in page.rows]) == 5


def test_an_outage_and_the_concurrency_limit_are_waited_out_by_reads(account):
    account.faults.add("status", 503, path=QUERY)
    account.faults.add("cut_before", path=QUERY)
    account.simulator.be_busy(2)

    assert len(account.names()) == 5


def test_an_answer_that_is_not_whole_is_never_taken_for_a_complete_read(account):
    def shortened(body):
        page = json.loads(body)
        return json.dumps(page | {"items": page["items"][:1], "hasMore": False}).encode()

    def ended(body):
        return json.dumps(json.loads(body) | {"hasMore": False}).encode()

    for spoil in (lambda body: b"", lambda body: b"{}", lambda body: body[:-20], lambda body: b"<html>", shortened, ended):
        account.spoiled.spoil = spoil
        with pytest.raises(ContractBroken):
            list(account.connector.read(CUSTOMER, None))


def test_a_role_without_permission_reads_nothing_rather_than_little(account):
    account.faults.add("status", 403, path=QUERY, times=9)

    with pytest.raises(SystemUnavailable):
        list(account.connector.read(CUSTOMER, None))
    assert account.connector.look(CUSTOMER, ["1001"]) == {"1001": Seen("unknown")}


def test_a_field_that_is_gone_from_netsuite_stops_the_object_by_name(account):
    each = CUSTOMER.model_copy(
        update={"read": {"table": "customer", "deleted": "Customer", "columns": {"url": "customer.custentity_moved_away"}}}
    )

    with pytest.raises(ContractBroken, match="custentity_moved_away"):
        list(account.connector.read(each, None))


def test_looking_tells_a_deleted_record_from_one_that_was_never_seen(account):
    account.customers.delete("1002")

    seen = account.connector.look(CUSTOMER, ["1001", "1002", "77"])

    assert {record_id: found.state for record_id, found in seen.items()} == {"1001": "there", "1002": "deleted", "77": "unknown"}


def test_a_look_at_some_fields_asks_for_no_others_and_tells_the_version_all_the_same(account):
    whole, part = (account.connector.look(CUSTOMER, ["1001"], fields)["1001"] for fields in ((), {"url"}))

    assert part.row == {name: whole.row[name] for name in ("isDeleted", "id", "lastModifiedDate", "url")}
    assert part.version == whole.version


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "customer",
            {
                "legal_name": "Müller & Söhne 'GmbH'",
                "billing_address_street": "Lindenstraße 1",
                "billing_address_country": "DE",
                "life_cycle": "customer",
                "payment_terms": "net_30",
                "credit_limit": Decimal("12500.50"),
                "legal_entity": "DE01",
                "parent_ref": "1001",
            },
        ),
        (
            "employee",
            {
                "full_name": "Ines Example",
                "life_cycle": "left",
                "started_on": date(2026, 2, 28),
                "legal_entity": "US01",
                "cost_center": "CC-200",
            },
        ),
        (
            "salesOrder",
            {
                "number": "SOW-1",
                "starts_on": date(2026, 11, 30),
                "hourly_rate": Decimal("175.5"),
                "fee_model": "retainer",
                "customer_ref": "1001",
            },
        ),
        (
            "job",
            {
                "code": "P-1",
                "name": "Rollout",
                "budget": Decimal(90000),
                "budget_currency": "CHF",
                "status": "active",
                "legal_entity": "UK01",
            },
        ),
        (
            "timeBill",
            {
                "entry_number": "T-1",
                "worked_on": date(2026, 2, 28),
                "hours": Decimal("7.25"),
                "is_billable": False,
                "project_ref": "7",
                "worker_ref": "8",
            },
        ),
    ],
)
def test_what_is_written_is_what_is_read(account, name, values):
    each = SYSTEM.objects[name]
    body = mapping.outward(each, values)

    (outcome,) = account.connector.write(each, [Write("k", "create", None, "H-1", body)])

    row = account.connector.look(each, [outcome.record_id])[outcome.record_id].row
    sources = [each.columns()[column][1].source for column in values]
    assert [_text(nested.get(row, source)) for source in sources] == [_text(nested.get(body, source)) for source in sources]
    assert row["externalId"] == "H-1"


def _text(value):
    """Numbers as NetSuite's query writes them: as text, without idle zeros."""
    return f"{value:.10g}" if isinstance(value, float) else value


def test_a_create_cut_off_after_it_was_done_is_in_doubt_and_found_exactly_once(account):
    account.faults.add("cut_after", method="POST", path=f"{RECORDS}/customer")
    (outcome,) = account.create("C-42")

    assert outcome.state == "in_doubt"
    assert account.connector.find(CUSTOMER, ["C-41", "C-42"]) == {"C-42": ["1006"]}


def test_a_second_create_of_the_same_hub_id_is_refused_by_netsuite(account):
    account.create("C-42")

    (outcome,) = account.create("C-42")

    assert (outcome.state, len(account.customers.rows)) == ("rejected", 6)


def test_a_write_that_netsuite_has_no_time_for_was_not_sent_and_is_due_again(account):
    account.simulator.be_busy(1)

    (outcome,) = account.create()

    assert (
        outcome.state == "rejected" and outcome.message.startswith("not sent:") and outcome.message.endswith("asked to wait some seconds")
    )
    assert len(account.customers.rows) == 5


def test_a_field_that_netsuite_does_not_know_is_refused_and_not_passed_over(account):
    (outcome,) = account.connector.write(CUSTOMER, [Write("k", "update", "1001", "C-1", {"phone": "1", "custentity_nowhere": "x"})])

    assert (outcome.state, account.customers.rows["1001"].get("phone")) == ("rejected", None)


def test_a_person_who_edits_between_look_and_write_keeps_the_edit(account):
    version = account.connector.look(CUSTOMER, ["1001"])["1001"].version
    account.customers.update("1001", {"phone": "+49 30 1"})

    (outcome,) = account.update("1001", version, phone="+49 30 2")

    assert (outcome.state, account.customers.rows["1001"]["phone"]) == ("moved", "+49 30 1")


def test_an_update_of_a_record_that_nobody_touched_goes_through(account):
    version = account.connector.look(CUSTOMER, ["1001"])["1001"].version

    assert account.update("1001", version, phone="+49 30 2") == [Outcome("k", "acknowledged", "1001")]
    assert account.customers.rows["1001"]["phone"] == "+49 30 2"


def test_a_record_deleted_or_hidden_meanwhile_is_not_written(account):
    account.customers.delete("1002")

    assert [account.update(record_id, None, phone="1")[0].state for record_id in ("1002", "77")] == ["moved", "rejected"]


def test_one_rejected_record_does_not_hold_up_the_others(account):
    good, bad = {"companyName": "Good", "subsidiary": {"id": "2"}}, {"companyName": "No subsidiary"}

    outcomes = account.connector.write(
        CUSTOMER, [Write(key, "create", None, key, body) for key, body in (("a", good), ("b", bad), ("c", good))]
    )

    assert [(each.key, each.state) for each in outcomes] == [("a", "acknowledged"), ("b", "rejected"), ("c", "acknowledged")]
    assert outcomes[1].message == "Error while accessing a resource. Please enter value(s) for: subsidiary. (USER_ERROR)"


def test_without_a_connection_or_a_token_a_write_is_not_sent(account):
    nowhere = connector.connect(SYSTEM, Connection("http://127.0.0.1:9", account.simulator.secrets))
    stranger = connector.connect(SYSTEM, Connection(account.url, account.simulator.secrets | {"client_id": "another"}))

    for each in (nowhere, stranger):
        each.http.attempts = each.door.attempts = 1
        (outcome,) = each.write(CUSTOMER, [Write("k", "create", None, "C-1", {"companyName": "X"})])
        assert (outcome.state, outcome.message[:9]) == ("rejected", "not sent:")
        each.close()


def test_a_new_billing_address_leaves_the_other_addresses_alone(account):
    account.simulator.addresses.set_lines(
        account.customers.rows["1001"], [{"label": "Warehouse", "addressBookAddress": {"city": "Bremen"}}]
    )
    account.customers.update("1001", {"billingAddress": {"addr1": "Old Street 1", "addr2": "Back yard", "city": "Köln"}})

    account.update("1001", billing_address_street="New Street 2", billing_address_city="Bonn")

    assert [line["addressBookAddress"] for line in account.customers.rows["1001"]["addressBook"]["items"]] == [
        {"city": "Bremen"},
        {"addr1": "New Street 2", "addr2": "Back yard", "city": "Bonn"},
    ]


def test_a_cleared_reference_is_empty_afterwards(account):
    account.customers.update("1001", {"terms": {"id": "2"}})

    account.update("1001", payment_terms=None)

    assert account.connector.look(CUSTOMER, ["1001"])["1001"].row["terms"] == {"id": None}


def test_netsuite_refuses_to_change_a_posted_invoice_and_takes_a_draft(account):
    invoices = account.simulator.tables["invoice"]
    draft, posted = (invoices.create({"tranId": f"INV-{letter}", "status": {"id": letter}, "dueDate": "2026-11-30"}) for letter in "DA")

    outcomes = [account.update(record_id, None, INVOICE, due_on=date(2026, 12, 31))[0].state for record_id in (draft, posted)]

    assert outcomes == ["acknowledged", "rejected"]
    assert [invoices.rows[record_id]["dueDate"] for record_id in (draft, posted)] == ["2026-12-31", "2026-11-30"]


def test_orders_and_invoices_share_a_table_and_are_told_apart(account):
    account.simulator.tables["salesOrder"].create({"otherRefNum": "SOW-1", "orderStatus": {"id": "B"}})
    account.simulator.tables["invoice"].create({"tranId": "INV-1", "status": {"id": "A"}, "createdFrom": {"id": "1001"}, "total": 119.0})

    orders, invoices = ([row for page in account.connector.read(each, None) for row in page.rows] for each in (ORDER, INVOICE))

    assert [(row["id"], row["otherRefNum"], row["orderStatus"]) for row in orders] == [("1001", "SOW-1", {"id": "B"})]
    assert [(row["id"], row["createdFrom"], row["total"]) for row in invoices] == [("1002", {"id": "1001"}, "119")]


def test_an_account_without_a_usable_key_is_told_so_before_anything_is_asked(account):
    for secrets in ({}, account.simulator.secrets | {"private_key": "demo"}):
        with pytest.raises(ConfigurationWrong):
            connector.connect(SYSTEM, Connection(account.url, secrets))


def test_a_certificate_with_an_rsa_key_signs_as_netsuite_asks(account):
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)

    form = assertion.signed(account.simulator.secrets, key, "https://demo.example/token")

    said = jwt.decode_complete(form["client_assertion"], key.public_key(), algorithms=["PS256"], audience="https://demo.example/token")
    assert said["header"] == {"alg": "PS256", "kid": "demo-certificate-id", "typ": "JWT"}
    assert {name: said["payload"][name] for name in ("iss", "scope")} == {"iss": "demo-client-id", "scope": "rest_webservices"}


def test_a_client_whose_key_is_not_the_certificates_gets_no_token(account):
    forged = gate.pem(ec.generate_private_key(ec.SECP256R1()))
    stranger = connector.connect(SYSTEM, Connection(account.url, account.simulator.secrets | {"private_key": forged}))

    with pytest.raises(SystemUnavailable):
        list(stranger.read(CUSTOMER, None))
    stranger.close()
