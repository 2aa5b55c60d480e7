"""What the Salesforce connector makes of an org that answers late, in part, or not at all."""

import pytest
from salesforce_org import ACCOUNT, INVOICE, SYSTEM, ids, names

from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Seen
from hub.systems.salesforce import connector


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
