"""What others' clients, unchanged, say of the simulated org, and Salesforce's own rules for ids and queries."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from salesforce_org import ids
from simple_salesforce import Salesforce as SimpleSalesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest, SalesforceResourceNotFound

from hub.systems.salesforce import soql
from hub.systems.salesforce.org import long_id

HERE = Path(__file__).parent


def test_record_ids_have_the_objects_prefix_and_salesforces_checksum(org):
    # Published pair: "What is the difference between 15-digit and 18-digit IDs", Salesforce Help.
    assert long_id("001R0000005hDFY") == "001R0000005hDFYIA2"
    assert [table.create({"Name": "X Y"})[:3] for table in org.simulator.tables.values()] == ["001", "003", "006", "a00", "005"]


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
    assert [each["name"] for each in simple.describe()["sobjects"]] == ["Account", "Contact", "Opportunity", "Invoice__c", "User"]
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
    for name in ("package.json", "jsforce.js"):
        shutil.copy(HERE / name, folder)
    npm = shutil.which("npm")
    options = ["--prefix", folder, "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--fetch-retries=0"]
    done = npm and subprocess.run([npm, "install", *options], capture_output=True, text=True, timeout=300)  # noqa: S603
    if not done or done.returncode:
        why = done.stderr[-300:] if done else "there is no npm"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"jsforce can't be installed: {why}")
    yield folder / "node_modules"
    shutil.rmtree(folder)  # 100 MB that pytest would keep for three runs


def test_jsforce_works_with_the_org_unchanged(org, node_modules):
    org.simulator.page_size = 2

    command = [shutil.which("node"), "jsforce.js", org.url, session(org)]
    done = subprocess.run(command, cwd=node_modules.parent, capture_output=True, text=True, timeout=60)  # noqa: S603

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "created": [True, False, True],
        "refused": "REQUIRED_FIELD_MISSING",
        "updated": [True, True],
        "upserted": [True],
        "again": False,
        "retrieved": ["Firm 1", None],
        "city": "Berlin",
        "pages": [False, True, ["Firm 1", "Firm 2", "Firm 3", "Firm Four"]],
        "found": ["Firm 3"],
        "deleted": [True, True],
        "binned": 2,
        "error": "INVALID_FIELD",
        "prefix": "006",
        "usage": 100_000,
    }
