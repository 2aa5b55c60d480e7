"""What our connector makes of a Kantata that answers late, in part, or not at all, and of records that are gone."""

import pytest
from kantata_account import FAST, PROJECT, PROJECTS, TIME, log_time

from hub.errors import ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Seen
from hub.systems.kantata import connector


def test_a_token_replaced_between_two_pages_is_taken_from_the_keyring(account):
    log_time(account, 201)
    pages = account.connector.read(TIME, None)
    next(pages)
    account.simulator.expire_tokens()

    assert [page.last for page in pages] == [False, True]


def test_a_revoked_token_makes_kantata_unavailable_and_never_empty(account):
    log_time(account, 1)
    reader = connector.connect(FAST, Connection(account.url, {"token": "demo-token-old"}))

    with pytest.raises(SystemUnavailable, match="Invalid OAuth 2 Request"):
        list(reader.read(TIME, None))

    assert reader.look(TIME, ["1001"]) == {"1001": Seen("unknown")}


def test_a_read_outlives_a_short_outage(account):
    log_time(account, 1)
    account.faults.add("status", 503, path="time_entries")
    account.faults.add("status", 429, path="time_entries")

    assert account.read(TIME)[1]


@pytest.mark.parametrize("status", [200, 403, 404])
def test_an_answer_without_records_is_never_an_empty_read(account, status):
    account.faults.add("status", status, path="time_entries")

    with pytest.raises((ContractBroken, SystemUnavailable)):
        account.read(TIME)


def test_a_page_that_brings_fewer_records_than_it_announces_breaks_the_read(account, monkeypatch):
    log_time(account, 3)
    whole = account.simulator._page
    monkeypatch.setattr(account.simulator, "_page", lambda *given: whole(*given) | {"results": whole(*given)["results"][:2]})

    with pytest.raises(ContractBroken, match="announces 3 records and brings 2"):
        account.read(TIME)


def test_a_budget_that_the_token_may_not_see_breaks_the_contract(account):
    account.tables["workspaces"].create(PROJECT)
    account.simulator.hidden_fields["workspaces"] = {"price_in_cents"}

    with pytest.raises(ContractBroken, match="no longer sends price_in_cents"):
        account.read(PROJECTS)


def test_a_custom_field_that_is_gone_breaks_the_contract(account):
    del account.simulator.custom_fields["Workspace"]["Project Code"]

    with pytest.raises(ContractBroken, match="has no custom field Project Code"):
        account.read(PROJECTS)


def test_a_record_is_deleted_only_when_the_events_say_so(account):
    there, gone = log_time(account, 2)
    account.tables["time_entries"].delete(gone)

    seen = account.connector.look(TIME, [there, gone, "9999"])

    assert {key: one.state for key, one in seen.items()} == {there: "there", gone: "deleted", "9999": "unknown"}


def test_a_refused_event_feed_leaves_an_absent_record_unknown(account):
    (gone,) = log_time(account, 1)
    account.tables["time_entries"].delete(gone)
    account.faults.add("status", 403, path="subscribed_events")

    assert account.look(TIME, gone) == Seen("unknown")
