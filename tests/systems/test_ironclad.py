"""Our connector against the Ironclad simulator over HTTP. No client of others was found that runs unchanged against it."""

import pytest

from hub import mapping, nested
from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Outcome, Seen, Write
from hub.systems.ironclad import connector, simulator
from hub.systems.simulator import Clock, Faults, Faulty, serving
from hub.twin.seeding import all_writable

SYSTEM = mapping.read(mapping.FOLDER / "ironclad" / "system.yaml")
PARTIES, CONTRACTS = SYSTEM.objects["entities"], SYSTEM.objects["records"]
FAST = SYSTEM.model_copy(update={"limits": {}})  # pacing is the HTTP client's, and proved there
TERMS = {
    "number": "MSA-7",
    "title": "Master agreement with Acme",
    "kind": "msa",
    "status": "signed",
    "signed_on": "2026-01-05",
    "ends_on": "2028-12-31",
    "amount": 250000,
    "amount_currency": "EUR",
    "payment_terms": "net_60",
    "fee_model": "fixed_fee",
}
PLACE = {
    "billing_address_street": "Main Street 1\nBuilding B",
    "billing_address_city": "Berlin",
    "billing_address_postcode": "10115",
    "billing_address_region": "BE",
    "billing_address_country": "DE",
}


class Account:
    """A served simulator and a connector to it."""

    def __init__(self, url: str, account: simulator.Simulator, faults: Faults):
        self.url, self.simulator, self.faults, self.tables = url, account, faults, account.tables
        self.connector = connector.connect(FAST, Connection(url, account.secrets))

    def sign(self, **terms):
        """Enter a signed contract, as its people would."""
        return self.tables["records"].create(mapping.outward(all_writable(CONTRACTS), TERMS | terms))

    def meet(self, count):
        """Enter some parties."""
        return [self.tables["entities"].create({"name": f"Party {number}"}) for number in range(count)]

    def read(self, each, since=None):
        """All rows, whether the read is complete, and its watermark."""
        pages = list(self.connector.read(each, since))
        return [row for page in pages for row in page.rows], pages[-1].last, pages[-1].watermark

    def write(self, each, *writes):
        return self.connector.write(each, writes)

    def look(self, each, key):
        return self.connector.look(each, [key])[key]


@pytest.fixture
def account():
    faults, simulated = Faults(), simulator.Simulator(Clock())
    with serving({"ironclad": Faulty(simulated.app, faults)}) as urls:
        account = Account(urls["ironclad"], simulated, faults)
        yield account
        account.connector.close()


def create(hub_id, **body):
    return Write(hub_id, "create", None, hub_id, body)


def update(key, version=None, hub_id="C-1", **body):
    return Write("1", "update", key, hub_id, body, version)


@pytest.mark.parametrize("counts_pages", [False, True])
def test_a_full_read_brings_every_page_and_only_the_last_one_ends_it(account, counts_pages):
    account.simulator.counts_pages = counts_pages
    keys = account.meet(250)

    pages = list(account.connector.read(PARTIES, None))

    assert [len(page.rows) for page in pages] == [100, 100, 50, 0]
    assert [page.last for page in pages] == [False, False, False, True]
    assert {row["id"] for page in pages for row in page.rows} == set(keys)


@pytest.mark.parametrize("counts_pages", [False, True])
@pytest.mark.parametrize("count", [0, 100, 200])
def test_a_read_that_fills_its_last_page_is_complete_too(account, count, counts_pages):
    account.simulator.counts_pages = counts_pages
    account.meet(count)

    rows, complete, _ = account.read(PARTIES)

    assert (len(rows), complete) == (count, True)


def test_a_contract_shows_its_signed_terms(account):
    (party,) = account.meet(1)
    account.sign(customer_ref=party)

    (row,), complete, watermark = account.read(CONTRACTS)

    shown = {path: nested.get(row, path) for path in CONTRACTS.source_fields()}
    assert (complete, watermark) == (True, "2026-11-02T08:00:02Z")
    assert {path: value for path, value in shown.items() if value is not None} == {
        "id": "000003e9-0000-4000-8000-000000000001",
        "lastUpdated": "2026-11-02T08:00:02Z",
        "name": "Master agreement with Acme",
        "type": "masterServicesAgreement",
        "contractStatus/status": "active",
        "properties/contractNumber/value": "MSA-7",
        "properties/agreementDate/value": "2026-01-05T00:00:00Z",
        "properties/expirationDate/value": "2028-12-31T00:00:00Z",
        "properties/contractValue/value/amount": 250000,
        "properties/contractValue/value/currency": "EUR",
        "properties/feeModel/value": "Fixed Fee",
        "properties/paymentTerms/value": "Net 60",
        "properties/counterparty/value/recordId": party,
    }


def test_every_field_that_ironclad_sends_is_mapped_or_ignored_by_name(account):
    account.meet(1)
    account.sign()
    for each in SYSTEM.objects.values():
        (row,), _, _ = account.read(each)

        assert set(row) - {path.split("/")[0] for path in each.source_fields()} - set(each.ignore) == set()


def test_an_incremental_read_brings_what_changed_at_its_watermark_or_later(account):
    first, second, third = account.meet(3)
    _, _, watermark = account.read(PARTIES)
    account.tables["entities"].update(first, {"name": "Renamed"})

    rows, complete, later = account.read(PARTIES, watermark)

    assert [row["id"] for row in rows] == [first, third]  # the third changed exactly at the watermark
    assert (complete, later) == (True, "2026-11-02T08:00:04Z")


def test_an_incremental_read_without_news_keeps_its_watermark(account):
    account.meet(2)

    assert account.read(PARTIES, "2026-12-01T00:00:00Z") == ([], True, "2026-12-01T00:00:00Z")


def test_an_incremental_read_asks_no_further_than_its_watermark(account):
    keys = account.meet(350)
    _, _, watermark = account.read(PARTIES)
    account.tables["entities"].update(keys[0], {"name": "Renamed"})

    assert len(list(account.connector.read(PARTIES, watermark))) == 2  # one page, and what changed meanwhile


def test_records_made_and_changed_between_two_pages_are_in_the_same_read(account):
    keys = account.meet(150)
    pages = account.connector.read(PARTIES, None)
    seen = next(pages).rows
    account.tables["entities"].update(keys[0], {"name": "Renamed"})
    keys += account.meet(1)

    rest = list(pages)

    assert rest[-1].last
    assert sorted(row["id"] for rows in [seen, *(page.rows for page in rest)] for row in rows) == keys
    assert rest[-1].watermark == "2026-11-02T08:02:30Z"  # of the first page: what came later is read again


def test_a_record_deleted_between_two_pages_leaves_the_read_partial(account):
    keys = account.meet(150)
    pages = account.connector.read(PARTIES, None)
    next(pages)
    account.tables["entities"].delete(keys[-1])

    *_, end = pages

    assert not end.last  # the deletion pulled a party up to the page that was read already


def test_a_listing_that_shuffles_equal_stamps_between_two_pages_leaves_the_read_partial(account):
    newest, *others = account.meet(350)
    parties = account.tables["entities"].rows
    for key in others:
        parties[key]["lastUpdated"] = "2026-11-01T08:00:00Z"
    pages = account.connector.read(PARTIES, None)
    next(pages), next(pages)
    account.tables["entities"].rows = {key: parties[key] for key in [newest, *others[:99], *others[199:], *others[99:199]]}

    *_, end = pages

    assert not end.last


def test_a_record_that_only_the_last_look_at_the_first_page_shows_is_in_the_read(account):
    newest, *others = account.meet(150)
    parties = account.tables["entities"].rows
    for key in others:
        parties[key]["lastUpdated"] = "2026-11-01T08:00:00Z"
    pages = account.connector.read(PARTIES, None)
    seen = next(pages).rows
    account.tables["entities"].rows = dict(reversed(parties.items()))

    rest = list(pages)

    assert rest[-1].last
    assert sorted(row["id"] for rows in [seen, *(page.rows for page in rest)] for row in rows) == [newest, *others]


def test_a_token_that_expires_between_two_pages_is_renewed(account):
    account.meet(101)
    pages = account.connector.read(PARTIES, None)
    next(pages)
    account.simulator.expire_tokens()

    assert [page.last for page in pages] == [False, True]
    assert account.simulator.issued == 2


def test_a_wrong_client_secret_makes_ironclad_unavailable_and_is_not_shown(account):
    wrong = account.simulator.secrets | {"client_secret": "demo-wrong-secret"}
    reader = connector.connect(FAST, Connection(account.url, wrong))

    with pytest.raises(SystemUnavailable, match="gave no token") as failure:
        list(reader.read(PARTIES, None))

    assert "demo-wrong-secret" not in str(failure.value)
    assert reader.look(PARTIES, ["1"]) == {"1": Seen("unknown")}
    assert reader.write(PARTIES, [create("C-1", name="Acme")])[0].state == "rejected"


def test_a_read_outlives_a_short_outage(account):
    account.meet(1)
    account.faults.add("status", 503, path="entities")
    account.faults.add("status", 429, path="entities")

    assert account.read(PARTIES)[1]


@pytest.mark.parametrize("status", [200, 403, 404])
def test_an_answer_without_records_is_never_an_empty_read(account, status):
    account.faults.add("status", status, path="entities")

    with pytest.raises((ContractBroken, SystemUnavailable)):
        account.read(PARTIES)


def test_a_page_that_brings_fewer_records_than_its_count_breaks_the_read(account, monkeypatch):
    account.meet(3)
    whole = simulator.JSONResponse
    monkeypatch.setattr(
        simulator, "JSONResponse", lambda body, **rest: whole(body | {"list": body["list"][:2]} if "list" in body else body, **rest)
    )

    with pytest.raises(ContractBroken, match="announces 3 and brings 2"):
        account.read(PARTIES)


def test_a_property_that_is_gone_breaks_the_contract(account):
    del account.simulator.properties["records"]["paymentTerms"]

    with pytest.raises(ContractBroken, match="has no property paymentTerms"):
        account.read(CONTRACTS)


def test_a_deleted_record_is_told_from_one_out_of_sight(account):
    there, gone = account.meet(2)
    account.tables["entities"].delete(gone)
    account.faults.add("status", 403, path=there)

    hidden, seen = account.look(PARTIES, there), account.connector.look(PARTIES, [there, gone])

    assert hidden == Seen("unknown")
    assert {key: one.state for key, one in seen.items()} == {there: "there", gone: "deleted"}


def test_a_404_that_ironclad_does_not_explain_is_no_deletion(account):
    (there,) = account.meet(1)
    account.faults.add("status", 404, path=there)

    assert account.look(PARTIES, there) == Seen("unknown")


def test_a_created_party_reads_back_as_it_was_written(account):
    (parent,) = account.meet(1)
    values = {"legal_name": "Acme GmbH", "trade_name": "Acme", "tax_id": "DE000000000", "parent_ref": parent} | PLACE

    (done,) = account.write(PARTIES, create("C-9", **mapping.outward(PARTIES, values)))
    row = account.look(PARTIES, done.record_id).row

    assert done.state == "acknowledged"
    assert {column: nested.get(row, where.source) for column, (_, where) in PARTIES.columns().items() if column in values} == values
    assert nested.get(row, PARTIES.external_id) == "C-9"
    assert row["properties"]["entity_address"]["value"]["lines"] == ["Main Street 1", "Building B"]


def test_an_update_changes_sets_and_clears_properties_and_the_parent(account):
    parent, key = account.meet(2)
    account.write(
        PARTIES, update(key, **mapping.outward(PARTIES, {"trade_name": "Acme", "phone": "+49 30 1", "parent_ref": parent} | PLACE))
    )
    cleared = dict.fromkeys(PLACE) | {"trade_name": "Acme & Co", "phone": None, "parent_ref": None}

    (done,) = account.write(PARTIES, update(key, **mapping.outward(PARTIES, cleared)))

    row = account.look(PARTIES, key).row
    assert done == Outcome("1", "acknowledged", key)
    assert "parentId" not in row
    assert row["properties"] == {
        "entity_externalID": {"type": "string", "value": "C-1"},
        "entity_alternativeNames": {"type": "string", "value": "Acme & Co"},
    }


def test_of_a_signed_contract_nothing_is_written_but_our_id(account):
    key = account.sign()
    before = account.look(CONTRACTS, key).row

    (done,) = account.write(CONTRACTS, update(key, hub_id="K-7"))

    after = account.look(CONTRACTS, key).row
    assert done.state == "acknowledged"
    assert after["properties"] == before["properties"] | {"concordId": {"type": "string", "value": "K-7"}}
    assert after == before | {"lastUpdated": "2026-11-02T08:00:02Z", "properties": after["properties"]}
    assert [name for name, (_, column) in CONTRACTS.columns().items() if column.goes_back] == []


def test_a_create_cut_off_after_the_commit_is_in_doubt_and_found_once(account):
    account.faults.add("cut_after", method="POST", path="entities")

    (doubt,) = account.write(PARTIES, create("C-1", name="Acme"))

    assert doubt.state == "in_doubt"
    assert account.connector.find(PARTIES, ["C-1", "C-2"]) == {"C-1": list(account.tables["entities"].rows)}


def test_a_create_cut_off_before_the_commit_is_in_doubt_and_not_found(account):
    account.faults.add("cut_before", method="POST", path="entities")

    (doubt,) = account.write(PARTIES, create("C-1", name="Acme"))

    assert doubt.state == "in_doubt"
    assert account.connector.find(PARTIES, ["C-1"]) == {}


def test_many_ids_are_found_in_a_few_requests(account):
    hub_ids = [f"C-{number}" for number in range(45)]
    account.write(PARTIES, *(create(hub_id, name=hub_id) for hub_id in hub_ids[:30]))

    assert sorted(account.connector.find(PARTIES, hub_ids)) == sorted(hub_ids[:30])


def test_a_person_who_edits_between_look_and_write_keeps_the_edit(account):
    (key,) = account.meet(1)
    version = account.look(PARTIES, key).version
    account.tables["entities"].update(key, {"name": "Renamed by hand"})

    (refused,) = account.write(PARTIES, update(key, version, name="Acme"))

    assert refused == Outcome("1", "moved", key, "there, and not as it was looked at")
    assert account.look(PARTIES, key).row["name"] == "Renamed by hand"


def test_one_refused_write_does_not_keep_the_others_back(account):
    (key,) = account.meet(1)

    outcomes = account.write(
        PARTIES,
        create("C-1", name=""),
        create("C-2", name="Acme", properties={"entity_fax": {"value": "1"}}),
        update("no-such-id", hub_id="C-3"),
        update(key, name="Acme"),
    )

    assert outcomes == [
        Outcome("C-1", "rejected", None, "400 MISSING_PARAM name is required name"),
        Outcome("C-2", "rejected", None, "400 INVALID_PARAM unknown property entity_fax properties.entity_fax"),
        Outcome("1", "rejected", "no-such-id", "404 NOT_FOUND not found"),
        Outcome("1", "acknowledged", key),
    ]


def test_a_write_that_never_left_is_rejected_and_says_so(account):
    unreachable = connector.connect(FAST, Connection("http://127.0.0.1:9", account.simulator.secrets))

    (refused,) = unreachable.write(PARTIES, [create("C-1", name="Acme")])

    assert refused.state == "rejected"
    assert refused.message.startswith("not sent: ")
