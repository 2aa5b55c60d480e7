"""What the Salesforce connector promises against a simulated org, and what others' clients say of that org."""

import json
import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from simple_salesforce import Salesforce as SimpleSalesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest, SalesforceResourceNotFound

from hub import mapping
from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Outcome, Seen, Write
from hub.systems.salesforce import connector, soql
from hub.systems.salesforce.org import long_id
from hub.systems.salesforce.simulator import Simulator
from hub.systems.simulator import Clock, Faults, Faulty, serving

HERE = Path(__file__).parent
SYSTEM = mapping.read(Path(connector.__file__).parent / "system.yaml")
ACCOUNT, CONTACT, OPPORTUNITY, INVOICE = (SYSTEM.objects[name] for name in ("Account", "Contact", "Opportunity", "Invoice__c"))


@dataclass
class Org:
    """A simulated org at an address, and our connector to it."""

    simulator: Simulator
    faults: Faults
    url: str
    salesforce: connector.Salesforce

    @property
    def accounts(self):
        return self.simulator.tables["Account"]


@pytest.fixture
def org():
    simulator, faults = Simulator(Clock()), Faults()
    with serving({"salesforce": Faulty(simulator.app, faults)}) as urls:
        salesforce = connector.connect(SYSTEM, Connection(urls["salesforce"], simulator.secrets))
        yield Org(simulator, faults, urls["salesforce"], salesforce)
        salesforce.close()


@pytest.fixture
def five(org):
    """Five accounts, two to a page."""
    org.simulator.page_size = 2
    for number in range(1, 6):
        org.accounts.create({"Name": f"Firm {number}", "CurrencyIsoCode": "EUR"})
    return org


def ids(org, table="Account"):
    return list(org.simulator.tables[table].rows)


def names(pages):
    return [row["Name"] for page in pages for row in page.rows]


def create(key, hub_id, **body):
    return Write(key, "create", None, hub_id, body)


def update(key, record_id, version=None, **body):
    return Write(key, "update", record_id, "C-1", body, version)


def test_a_full_read_follows_every_page_and_says_which_is_the_last(five):
    pages = list(five.salesforce.read(ACCOUNT, None))

    assert names(pages) == ["Firm 1", "Firm 2", "Firm 3", "Firm 4", "Firm 5"]
    assert [page.last for page in pages] == [False, False, True]
    assert "attributes" not in pages[0].rows[0]
    assert {"OwnerId", "Name"} & pages[0].fields == {"Name"}


def test_every_field_that_the_org_offers_is_mapped_or_ignored(org):
    for each in SYSTEM.objects.values():
        offered = next(org.salesforce.read(each, None)).fields

        assert offered - set(each.source_fields()) - set(each.ignore) == set()


def test_the_next_read_starts_early_enough_to_see_transactions_that_were_still_open(five):
    *_, last = five.salesforce.read(ACCOUNT, None)

    assert max(row["SystemModstamp"] for row in last.rows) == "2026-11-02T08:00:05.000+0000"
    assert last.watermark == "2026-11-02T07:50:05.000+0000"


def test_an_incremental_read_brings_what_changed_at_or_after_the_watermark(five):
    since = five.accounts.rows[ids(five)[4]]["SystemModstamp"]
    five.accounts.update(ids(five)[1], {"Phone": "+49 30 1234567"})

    pages = list(five.salesforce.read(ACCOUNT, since))

    assert names(pages) == ["Firm 5", "Firm 2"]
    assert pages[-1].watermark == since  # never moves back


def test_a_read_of_nothing_new_is_complete_and_keeps_the_watermark(five):
    [page] = five.salesforce.read(ACCOUNT, "2026-12-01T00:00:00.000+0000")

    assert (page.rows, page.last, page.watermark) == ([], True, "2026-12-01T00:00:00.000+0000")


def test_deleted_and_merged_accounts_are_read_and_looked_at_as_such(five):
    one, two, three, *_ = ids(five)
    five.accounts.delete(one)
    five.accounts.delete(two, into=three)

    rows = {row["Id"]: row for page in five.salesforce.read(ACCOUNT, None) for row in page.rows}
    seen = five.salesforce.look(ACCOUNT, [one, two, three, "001000000000000AAA"])

    assert [rows[each]["IsDeleted"] for each in (one, two, three)] == [True, True, False]
    assert rows[two]["MasterRecordId"] == three
    assert seen == {
        one: Seen("deleted"),
        two: Seen("merged", into=three),
        three: Seen("there", rows[three], rows[three]["SystemModstamp"]),
        "001000000000000AAA": Seen("unknown"),
    }


def test_an_account_that_a_person_takes_out_of_the_recycle_bin_is_there_again(five):
    one = ids(five)[0]
    five.accounts.delete(one)
    deleted_at = five.accounts.bin[one]["SystemModstamp"]
    five.accounts.undelete(one)

    [page] = five.salesforce.read(ACCOUNT, deleted_at)

    assert [(row["Id"], row["IsDeleted"]) for row in page.rows] == [(one, False)]
    assert five.salesforce.look(ACCOUNT, [one])[one].state == "there"


def test_a_merge_moves_the_children_over_and_a_delete_takes_them_along(five):
    loser, winner, deleted, *_ = ids(five)
    contacts = five.simulator.tables["Contact"]
    moved = contacts.create({"Name": "Petra van Holm", "AccountId": loser})
    gone = contacts.create({"Name": "Jo Lind", "AccountId": deleted})

    five.accounts.delete(loser, into=winner)
    five.accounts.delete(deleted)

    assert contacts.rows[moved]["AccountId"] == winner
    assert five.salesforce.look(CONTACT, [gone]) == {gone: Seen("deleted")}


def test_a_session_that_expires_between_two_pages_is_renewed(five):
    pages = five.salesforce.read(ACCOUNT, None)
    first = next(pages)
    five.simulator.expire_tokens()

    rest = list(pages)

    assert names([first, *rest]) == ["Firm 1", "Firm 2", "Firm 3", "Firm 4", "Firm 5"]


def test_a_busy_org_is_asked_again(five):
    five.faults.add("status", 503, path="/queryAll", times=2)

    assert len(names(five.salesforce.read(ACCOUNT, None))) == 5


@pytest.mark.parametrize("status", [200, 204, 403, 404])
def test_an_empty_or_refused_page_is_never_a_complete_read(five, status):
    pages = five.salesforce.read(ACCOUNT, None)
    first = next(pages)
    five.faults.add("status", status, path="/queryAll/")

    assert not first.last
    with pytest.raises(SystemUnavailable, match="salesforce Account answered"):
        list(pages)


def test_a_read_that_ends_too_early_is_never_a_complete_one(five):
    pages = five.salesforce.read(ACCOUNT, None)
    next(pages)
    [(cursor, (rows, total))] = five.simulator.cursors.items()
    five.simulator.cursors[cursor] = rows[:3], total

    with pytest.raises(ContractBroken, match="sent 3 of 5 records"):
        list(pages)


def test_a_page_whose_connection_breaks_is_read_again(five):
    five.faults.add("cut_after", path="/queryAll/")

    assert len(names(five.salesforce.read(ACCOUNT, None))) == 5


def test_a_promised_field_that_we_may_no_longer_see_breaks_the_contract_by_name(org):
    del org.accounts.kind.fields["tax_id__c"]

    with pytest.raises(ContractBroken, match="salesforce Account has no field Tax_Id__c that we may read"):
        list(org.salesforce.read(ACCOUNT, None))
    with pytest.raises(ContractBroken, match="INVALID_FIELD No such column 'Tax_Id__c'"):
        org.salesforce.look(ACCOUNT, ["001000000000000AAA"])


def test_an_object_that_is_no_longer_there_breaks_the_contract(org):
    del org.simulator.tables["Invoice__c"]

    with pytest.raises(ContractBroken, match="salesforce Invoice__c answered 404 NOT_FOUND"):
        list(org.salesforce.read(INVOICE, None))


def test_a_used_up_request_limit_is_said_and_is_no_deletion(five):
    one = ids(five)[0]
    five.simulator.daily_requests = 0

    with pytest.raises(SystemUnavailable, match="REQUEST_LIMIT_EXCEEDED"):
        list(five.salesforce.read(ACCOUNT, None))
    assert five.salesforce.look(ACCOUNT, [one]) == {one: Seen("unknown")}


def test_usage_tells_used_and_allowed_requests(five):
    list(five.salesforce.read(ACCOUNT, None))

    assert five.salesforce.usage() == {"DailyApiRequests": (5, 100_000), "DailyBulkV2QueryJobs": (0, 10_000)}


def test_wrong_credentials_are_said_without_telling_them(org):
    wrong = connector.connect(SYSTEM, Connection(org.url, {"client_id": "demo-client-id", "client_secret": "not-the-secret"}))

    with pytest.raises(SystemUnavailable, match="gave no token: 400 invalid client credentials") as failure:
        list(wrong.read(ACCOUNT, None))
    assert "not-the-secret" not in str(failure.value)


def test_an_org_at_another_address_is_a_wrong_configuration(org):
    org.simulator.instance_url = "https://new.my.salesforce.example"

    with pytest.raises(ConfigurationWrong, match="answers at https://new.my.salesforce.example; set that as its url"):
        list(org.salesforce.read(ACCOUNT, None))


def test_creates_carry_the_hub_id_and_a_repeat_makes_no_second_record(org):
    writes = [create("a", "C-1", Name="Firm 1", CurrencyIsoCode="EUR"), create("b", "C-2", Name="Firm 2")]

    first = org.salesforce.write(ACCOUNT, writes)
    again = org.salesforce.write(ACCOUNT, writes)

    assert first == again == [Outcome("a", "acknowledged", ids(org)[0]), Outcome("b", "acknowledged", ids(org)[1])]
    assert [row["Concord_Id__c"] for row in org.accounts.rows.values()] == ["C-1", "C-2"]
    assert org.salesforce.find(ACCOUNT, ["C-1", "C-2", "C-3"]) == {"C-1": [ids(org)[0]], "C-2": [ids(org)[1]]}


def test_a_create_whose_answer_is_lost_is_in_doubt_and_found_exactly_once(org):
    org.faults.add("cut_after", path="/composite/sobjects")

    [outcome] = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert (outcome.state, outcome.record_id) == ("in_doubt", None)
    assert org.salesforce.find(ACCOUNT, ["C-1"]) == {"C-1": ids(org)}


def test_a_record_that_was_created_and_deleted_is_found_until_another_carries_its_hub_id(org):
    first = org.accounts.create({"Name": "Firm 1", "Concord_Id__c": "C-1"})
    org.accounts.delete(first)
    found_deleted = org.salesforce.find(ACCOUNT, ["C-1"])
    second = org.accounts.create({"Name": "Firm 1", "Concord_Id__c": "C-1"})

    assert found_deleted == {"C-1": [first]}
    assert org.salesforce.find(ACCOUNT, ["C-1"]) == {"C-1": [second]}


def test_every_write_of_a_batch_that_the_org_fails_on_is_in_doubt(org):
    org.faults.add("status", 502, method="PATCH")

    outcomes = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1"), create("b", "C-2", Name="Firm 2")])

    assert [outcome.state for outcome in outcomes] == ["in_doubt", "in_doubt"]


def test_an_answer_without_results_leaves_the_batch_in_doubt(org):
    org.faults.add("status", 200, method="PATCH")

    [outcome] = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert outcome == Outcome("a", "in_doubt", message="answered 200 without a result for each record")


def test_a_write_that_can_not_leave_is_rejected_as_not_sent():
    nobody = connector.connect(
        SYSTEM, Connection("http://127.0.0.1:9", {"client_id": "demo-client-id", "client_secret": "demo-client-secret"})
    )
    nobody.login.attempts = 1

    [outcome] = nobody.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert outcome.state == "rejected"
    assert outcome.message.startswith("not sent: ")


def test_a_person_who_edits_between_look_and_write_keeps_the_edit(five):
    one, two, *_ = ids(five)
    seen = five.salesforce.look(ACCOUNT, [one, two])
    five.accounts.update(one, {"Phone": "+49 30 1"})

    outcomes = five.salesforce.write(
        ACCOUNT, [update(key, each, seen[each].version, Phone="+49 40 2") for key, each in (("a", one), ("b", two))]
    )

    assert outcomes == [Outcome("a", "moved", message="412"), Outcome("b", "acknowledged", two)]
    assert [five.accounts.rows[each]["Phone"] for each in (one, two)] == ["+49 30 1", "+49 40 2"]


def test_every_object_honours_the_precondition(org):
    contact = org.simulator.tables["Contact"].create({"Name": "Petra Holm"})
    version = org.salesforce.look(CONTACT, [contact])[contact].version
    org.simulator.tables["Contact"].update(contact, {"Title": "CFO"})

    [outcome] = org.salesforce.write(CONTACT, [update("a", contact, version, Title="CEO")])

    assert outcome.state == "moved"


def test_a_record_that_was_deleted_since_the_look_has_moved(five):
    one = ids(five)[0]
    version = five.salesforce.look(ACCOUNT, [one])[one].version
    five.accounts.delete(one)

    assert five.salesforce.write(ACCOUNT, [update("a", one, version, Phone="+49 40 2")]) == [
        Outcome("a", "moved", message="404 ENTITY_IS_DELETED entity is deleted")
    ]


def test_writes_are_batched_and_their_outcomes_keep_the_order(org):
    for number in range(30):
        org.accounts.create({"Name": f"Firm {number}"})
    version = "2026-12-01T00:00:00.000+0000"
    updates = [
        update(str(number), record_id, version if number % 2 else None, Phone=str(number)) for number, record_id in enumerate(ids(org))
    ]
    list(org.salesforce.read(ACCOUNT, None))
    before = org.simulator.requests

    outcomes = org.salesforce.write(ACCOUNT, [*updates, *updates])

    assert outcomes == [Outcome(each.key, "acknowledged", each.record_id) for each in [*updates, *updates]]
    assert org.simulator.requests - before == 3  # 30 in one collection, 25 + 5 in two composite requests


def test_one_bad_record_does_not_hinder_the_others_of_its_batch(org):
    org.accounts.create({"Name": "Firm 1"})
    one = ids(org)[0]

    outcomes = org.salesforce.write(
        ACCOUNT,
        [
            update("name", one, Name="x" * 256),
            update("email", one, Billing_Email__c="nobody"),
            update("parent", one, ParentId="001000000000000AAA"),
            update("fine", one, Industry="Consulting"),
            create("blank", "C-2"),
            create("new", "C-3", Name="Firm 3"),
        ],
    )

    assert [(each.key, each.state, each.message.split(" ")[0]) for each in outcomes] == [
        ("name", "rejected", "STRING_TOO_LONG"),
        ("email", "rejected", "INVALID_EMAIL_ADDRESS"),
        ("parent", "rejected", "INVALID_CROSS_REFERENCE_KEY"),
        ("fine", "acknowledged", ""),
        ("blank", "rejected", "REQUIRED_FIELD_MISSING"),
        ("new", "acknowledged", ""),
    ]
    assert org.accounts.rows[one]["Industry"] == "Consulting"


def test_a_field_that_the_org_does_not_know_rejects_its_batch_in_the_orgs_words(org):
    outcomes = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1", Nmae="Firm 1"), create("b", "C-2", Name="Firm 2")])

    assert outcomes == [
        Outcome(key, "rejected", message="400 INVALID_FIELD No such column 'Nmae' on sobject of type Account") for key in "ab"
    ]
    assert not org.accounts.rows


def test_a_session_that_expired_before_a_write_is_renewed_and_the_write_is_done_once(org):
    list(org.salesforce.read(ACCOUNT, None))
    org.simulator.expire_tokens()

    [outcome] = org.salesforce.write(ACCOUNT, [create("a", "C-1", Name="Firm 1")])

    assert outcome == Outcome("a", "acknowledged", ids(org)[0])


def test_nothing_is_created_in_an_object_that_can_not_carry_the_hub_id(org):
    [outcome] = org.salesforce.write(ACCOUNT.model_copy(update={"external_id": None}), [create("a", "C-1", Name="Firm 1")])

    assert outcome == Outcome(
        "a", "rejected", message="not sent: Account has no external_id, so a repeat could duplicate it; map one in system.yaml"
    )
    assert not org.accounts.rows


def test_a_contact_is_written_in_the_two_parts_of_its_name_and_read_as_one(org):
    [made] = org.salesforce.write(
        CONTACT, [create("a", "P-1", **mapping.outward(CONTACT, {"full_name": "Petra van Holm", "is_billing": True}))]
    )
    [renamed] = org.salesforce.write(CONTACT, [create("b", "P-2", Name="Cher")])

    rows = [row for page in org.salesforce.read(CONTACT, None) for row in page.rows]

    assert [made.state, renamed.state] == ["acknowledged", "acknowledged"]
    assert [(row["Name"], row["Is_Billing_Contact__c"]) for row in rows] == [("Petra van Holm", True), ("Cher", False)]
    assert [(row["FirstName"], row["LastName"]) for row in org.simulator.tables["Contact"].rows.values()] == [
        ("Petra van", "Holm"),
        (None, "Cher"),
    ]


def test_what_the_mapping_writes_outward_is_what_is_read_back(org):
    account = org.accounts.create({"Name": "Firm 1"})
    bodies = {each.name: outward(each, account) for each in SYSTEM.objects.values()}

    outcomes = {each.name: org.salesforce.write(each, [create("a", "C-9", **bodies[each.name])])[0] for each in SYSTEM.objects.values()}

    assert {name: outcome.state for name, outcome in outcomes.items()} == dict.fromkeys(SYSTEM.objects, "acknowledged")
    for each in SYSTEM.objects.values():
        row = org.salesforce.look(each, [outcomes[each.name].record_id])[outcomes[each.name].record_id].row
        assert {field: row[field] for field in bodies[each.name]} == bodies[each.name]


def outward(each, account):
    """A body with a value in every field that goes back."""
    kinds = {"DATE": date(2026, 12, 1), "BOOLEAN": True, "DECIMAL(18,2)": Decimal("1200.50"), "DECIMAL(9,6)": Decimal("0.25")}
    values = {}
    for column, (kind, how) in each.columns().items():
        text = "EUR" if "currency" in column else "A b@c"
        values[column] = next(iter(how.codes.values())) if how.codes else account if how.object else kinds.get(kind, text)
    return mapping.outward(each, values)


def test_a_cleared_field_is_cleared(org):
    one = org.accounts.create({"Name": "Firm 1", "Website": "firm.example"})

    org.salesforce.write(ACCOUNT, [update("a", one, **mapping.outward(ACCOUNT, {"website": None}))])

    assert org.accounts.rows[one]["Website"] is None


def test_a_text_in_a_hub_id_can_not_become_part_of_a_query(org):
    tricky = "C-1') OR Name = ('\\"
    org.accounts.create({"Name": "Firm 1", "Concord_Id__c": "C-1"})
    found = org.accounts.create({"Name": "Firm 2", "Concord_Id__c": tricky})

    assert org.salesforce.find(ACCOUNT, [tricky]) == {tricky: [found]}


def test_many_ids_are_asked_for_in_several_queries(org):
    for number in range(450):
        org.accounts.create({"Name": f"Firm {number}"})

    seen = org.salesforce.look(ACCOUNT, ids(org))

    assert Counter(each.state for each in seen.values()) == {"there": 450}


def test_record_ids_have_the_objects_prefix_and_salesforces_checksum(org):
    # Published pair: "What is the difference between 15-digit and 18-digit IDs", Salesforce Help.
    assert long_id("001R0000005hDFY") == "001R0000005hDFYIA2"
    assert [table.create({"Name": "X Y"})[:3] for table in org.simulator.tables.values()] == ["001", "003", "006", "a00"]


@pytest.mark.parametrize(
    "rest", ["", "FROM", "FROM A WHERE", "FROM A WHERE b ~ 1", "FROM A WHERE b ( 'c'", "FROM A LIMIT 1 b", "FROM A WHERE b = c"]
)
def test_what_is_no_soql_is_refused(rest):
    with pytest.raises(soql.Malformed):
        soql.parse(f"SELECT Id {rest}")


@pytest.fixture
def simple(org):
    """simple-salesforce, unchanged; only its base_url is told that the org is on http."""
    client = SimpleSalesforce(instance_url=org.url, session_id=session(org), version="61.0")
    client.base_url = f"{org.url}/services/data/v61.0/"
    return client


def session(org):
    """A session as an administrator would hand it to a client."""
    return org.salesforce._token()


def of(client, name):
    """simple-salesforce's handler of an object; it too builds https addresses only."""
    handler = getattr(client, name)
    handler.base_url = f"{client.base_url}sobjects/{name}/"
    return handler


def test_simple_salesforce_queries_page_by_page(five, simple):
    first = simple.query("SELECT Id, Name FROM Account WHERE CurrencyIsoCode = 'EUR' ORDER BY Name DESC")
    second = simple.query_more(first["nextRecordsUrl"].rpartition("/")[2])

    assert (first["totalSize"], first["done"], second["done"]) == (5, False, False)
    assert [row["Name"] for row in first["records"] + second["records"]] == ["Firm 5", "Firm 4", "Firm 3", "Firm 2"]
    assert simple.query("SELECT COUNT() FROM Account")["totalSize"] == 5
    assert simple.api_usage["api-usage"].total == 100_000
    assert simple.limits()["DailyApiRequests"]["Max"] == 100_000


def test_simple_salesforce_follows_relationships(org, simple):
    account = org.accounts.create({"Name": "Firm 1"})
    org.simulator.tables["Invoice__c"].create({"Name": "INV-1", "Account__c": account, "Amount__c": 100.5, "Due_Date__c": "2026-12-01"})

    due = simple.query(
        "SELECT Name, Account__r.Name FROM Invoice__c WHERE Due_Date__c <= 2026-12-01 AND Amount__c > 100 AND Account__c != null"
    )

    assert [(row["Name"], row["Account__r"]["Name"]) for row in due["records"]] == [("INV-1", "Firm 1")]


def test_simple_salesforce_creates_updates_upserts_and_deletes(org, simple):
    accounts = of(simple, "Account")

    made = accounts.create({"Name": "Firm 1", "BillingCity": "Berlin"})
    assert accounts.update(made["id"], {"Phone": "+49 30 1"}) == 204
    assert accounts.upsert("Concord_Id__c/C-2", {"Name": "Firm 2"}) == 201
    assert accounts.upsert("Concord_Id__c/C-2", {"Name": "Firm Two"}) == 200

    assert accounts.get(made["id"])["BillingAddress"]["city"] == "Berlin"
    assert accounts.get_by_custom_id("Concord_Id__c", "C-2")["Name"] == "Firm Two"
    assert accounts.delete(made["id"]) == 204
    assert {row["Id"]: row["IsDeleted"] for row in simple.query("SELECT Id, IsDeleted FROM Account", include_deleted=True)["records"]} == {
        made["id"]: True,
        ids(org)[0]: False,
    }


def test_simple_salesforce_saves_collections_partially(org, simple):
    records = [{"attributes": {"type": "Account"}, **values} for values in ({"Name": "Firm 1"}, {"Phone": "1"})]

    made, refused = simple.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})
    changed = simple.restful("composite/sobjects", method="PATCH", json={"records": [{**records[0], "id": made["id"], "Name": "Firm One"}]})
    deleted = simple.restful("composite/sobjects", params={"ids": made["id"]}, method="DELETE")

    assert (made["success"], refused["errors"][0]["statusCode"]) == (True, "REQUIRED_FIELD_MISSING")
    assert (changed, deleted) == ([{"id": made["id"], "success": True, "errors": []}],) * 2
    assert org.accounts.bin[made["id"]]["Name"] == "Firm One"


def test_simple_salesforce_describes_the_org(org, simple):
    assert [each["name"] for each in simple.describe()["sobjects"]] == ["Account", "Contact", "Opportunity", "Invoice__c"]
    assert of(simple, "Invoice__c").describe()["keyPrefix"] == "a00"


def test_simple_salesforce_understands_the_refusals(org, simple):
    accounts = of(simple, "Account")

    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        simple.query("SELECT Nmae FROM Account")
    with pytest.raises(SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        accounts.create({"Phone": "1"})
    with pytest.raises(SalesforceResourceNotFound, match="NOT_FOUND"):
        accounts.get("001000000000000AAA")
    org.simulator.expire_tokens()
    with pytest.raises(SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        simple.query("SELECT Id FROM Account")


def test_simple_salesforce_is_held_back_by_a_precondition(org, simple):
    accounts = of(simple, "Account")
    made = accounts.create({"Name": "Firm 1"})["id"]
    tag = accounts._call_salesforce(method="GET", url=accounts.base_url + made).headers["ETag"]
    org.accounts.update(made, {"Phone": "+49 30 1"})

    for header in ({"If-Unmodified-Since": "Mon, 02 Nov 2026 08:00:01 GMT"}, {"If-Match": tag}):
        with pytest.raises(Exception, match="412"):
            accounts.update(made, {"Phone": "+49 40 2"}, headers=header)
    assert org.accounts.rows[made]["Phone"] == "+49 30 1"


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory):
    """jsforce, freshly installed. Where npm can't install, CI fails and a person's machine skips."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(HERE / "package.json", folder)
    npm = shutil.which("npm")
    options = ["--prefix", folder, "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--fetch-retries=0"]
    done = npm and subprocess.run([npm, "install", *options], capture_output=True, text=True, timeout=300)  # noqa: S603
    if not done or done.returncode:
        why = done.stderr[-300:] if done else "there is no npm"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"jsforce can't be installed: {why}")
    yield folder / "node_modules"
    shutil.rmtree(folder)  # 100 MB that pytest would keep for three runs


JSFORCE = """
const { Connection } = require('jsforce');
const [instanceUrl, accessToken] = process.argv.slice(1);
const org = new Connection({ instanceUrl, accessToken, version: '61.0' });
(async () => {
  const said = {};
  const one = await org.sobject('Account').create({ Name: 'Firm 1', BillingCity: 'Berlin' });
  const more = await org.sobject('Account').create([{ Name: 'Firm 2' }, { Phone: '1' }, { Name: 'Firm 3' }]);
  said.created = more.map((each) => each.success);
  said.refused = more[1].errors[0].statusCode;
  const phones = [one.id, more[0].id].map((Id) => ({ Id, Phone: '+49 30 1' }));
  said.updated = (await org.sobject('Account').update(phones)).map((each) => each.success);
  said.upserted = (await org.sobject('Account').upsert([{ Concord_Id__c: 'C-4', Name: 'Firm 4' }], 'Concord_Id__c')).map((each) => each.created);
  said.again = (await org.sobject('Account').upsert({ Concord_Id__c: 'C-4', Name: 'Firm Four' }, 'Concord_Id__c')).created;
  said.city = (await org.sobject('Account').retrieve(one.id)).BillingAddress.city;
  const first = await org.query("SELECT Id, Name FROM Account ORDER BY Name");
  const second = await org.queryMore(first.nextRecordsUrl);
  said.pages = [first.done, second.done, [...first.records, ...second.records].map((each) => each.Name)];
  said.found = (await org.sobject('Account').find({ Name: { $in: ['Firm 2', 'firm 3'] }, Phone: null }, ['Name'])).map((each) => each.Name);
  said.deleted = (await org.sobject('Account').destroy([one.id, more[0].id])).map((each) => each.success);
  said.binned = (await org.query('SELECT Name FROM Account WHERE IsDeleted = true', { scanAll: true })).totalSize;
  said.error = await org.query('SELECT Nmae FROM Account').catch((error) => error.errorCode);
  said.prefix = (await org.sobject('Opportunity').describe()).keyPrefix;
  said.usage = org.limitInfo.apiUsage.limit;
  console.log(JSON.stringify(said));
})().catch((error) => { console.error(error); process.exit(1); });
"""


def test_jsforce_works_with_the_org_unchanged(org, node_modules):
    org.simulator.page_size = 2

    command = [shutil.which("node"), "-e", JSFORCE, org.url, session(org)]
    done = subprocess.run(command, cwd=node_modules.parent, capture_output=True, text=True, timeout=60)  # noqa: S603

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "created": [True, False, True],
        "refused": "REQUIRED_FIELD_MISSING",
        "updated": [True, True],
        "upserted": [True],
        "again": False,
        "city": "Berlin",
        "pages": [False, True, ["Firm 1", "Firm 2", "Firm 3", "Firm Four"]],
        "found": ["Firm 3"],
        "deleted": [True, True],
        "binned": 2,
        "error": "INVALID_FIELD",
        "prefix": "006",
        "usage": 100_000,
    }
