"""A hub id that was ever issued resolves for any date: to its records, or to the id that they went to."""

from datetime import datetime

import pytest

from hub import capture, journal, projection, store
from hub.errors import Refused
from hub.journal import Event
from reconcile import hub_ids

JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2026, month, 1) for month in range(1, 5))
LATER = datetime(2027, 1, 1)


@pytest.fixture
def hub(tmp_path):
    """Two customers in January; merged in February; parted again in March, which gives back the former id."""
    connection = store.connect()
    capture.prepare(connection)
    projection.prepare(connection)
    with journal.open(tmp_path / "journal.sqlite") as kept:
        kept.append([
            assigned(JANUARY, ["crm:1", "C-1"], ["erp:1", "C-1"], ["psa:1", "C-2"]),
            assigned(FEBRUARY, ["psa:1", "C-1"]),
            assigned(MARCH, ["psa:1", "C-2"]),
        ])  # fmt: skip
        projection.load(connection, kept)
    return connection


def assigned(at, *pairs):
    return Event("hub_ids.assigned", "customer", {"entity": "customer", "assigned": list(pairs)}, at=at)


@pytest.mark.parametrize(("at", "now", "records"), [
    (FEBRUARY, "C-2", ["psa:1"]),
    (MARCH, "C-1", ["crm:1", "erp:1", "psa:1"]),
    (APRIL, "C-2", ["psa:1"]),
])  # fmt: skip
def test_an_id_stands_for_what_it_stood_for_then_or_for_what_it_was_merged_into(hub, at, now, records):
    found = hub_ids.resolve(hub, "C-2", at)

    assert (found.now, found.records, found.issued_at) == (now, records, JANUARY)


def test_an_id_that_nobody_holds_any_more_leads_to_most_of_its_records(hub, tmp_path):
    with journal.open(tmp_path / "journal.sqlite") as kept:
        kept.append([assigned(APRIL, ["crm:1", "C-2"], ["erp:1", "C-3"], ["psa:1", "C-3"])])
        projection.load(hub, kept)

    assert hub_ids.resolve(hub, "C-1", LATER).now == "C-3"
    assert hub_ids.resolve(hub, "C-1", APRIL).records == ["crm:1", "erp:1"]


def test_a_documents_id_follows_from_its_number_and_holds_at_any_time(hub):
    hub.execute("INSERT INTO journal.crossref (record_ref, entity, hub_id) VALUES ('erp:invoice:7', 'invoice', 'I-abc')")

    found = hub_ids.resolve(hub, "I-abc", JANUARY)

    assert (found.now, found.records, found.issued_at) == ("I-abc", ["erp:invoice:7"], None)


@pytest.mark.parametrize(("hub_id", "said"), [("C-9", "was never issued"), ("C-1", "was issued on 2026-01-01 00:00 UTC, after")])
def test_an_id_that_was_not_issued_by_then_is_refused(hub, hub_id, said):
    with pytest.raises(Refused, match=said):
        hub_ids.resolve(hub, hub_id, datetime(2025, 12, 31))
