"""A pinned value outranks the systems, stays with its record, and ends on its day by an event in the journal."""

from datetime import UTC, date, datetime, timedelta

import pytest
from small_firm import Small
from test_decide import deciding

from hub import store
from hub.errors import Refused
from reconcile import decide, pins

A, C = "crm:Account:1", "erp:Customer:7"
TODAY = datetime.now(UTC).date()


@pytest.fixture
def small(tmp_path):
    made = Small(tmp_path)
    made.say(A, Name="Brindle Works GmbH", Website="brindle.example", Phone="+49 30 1234567")
    made.say(C, Name="Brindle Works", Website="brindle.example")
    made.turn()
    return made


def pinned(small, value, of="C-000001", column="phone", **named):
    made = deciding(small, pins.pin, of, column, value, **{"reason": "she told me"} | named)
    small.turn()
    return made


def test_a_pin_outranks_the_systems_in_the_form_in_which_values_are_kept(small):
    pinned(small, "0049 (0)30 / 765 43 21")

    assert small.golden(columns="phone, phone_from") == {"C-000001": ("+49307654321", "pin")}
    assert small.hub("SELECT record_ref, reason FROM journal.pin") == [(A, "she told me")]


def test_an_empty_pin_says_that_there_is_nothing_until_it_is_taken_back(small):
    pinned(small, "")

    assert small.golden(columns="phone, phone_from, cleared") == {"C-000001": (None, "pin", ["phone"])}
    deciding(small, decide.undo)
    small.turn()
    assert small.golden(columns="phone, phone_from, cleared") == {"C-000001": ("+49301234567", A, [])}


def test_an_undo_brings_back_the_pin_before_and_then_what_the_systems_say(small):
    pinned(small, "+49301111111")
    pinned(small, "+49302222222")

    deciding(small, decide.undo)
    small.turn()
    first = small.golden(columns="phone")
    deciding(small, decide.undo)
    small.turn()

    assert (first, small.golden(columns="phone")) == ({"C-000001": "+49301111111"}, {"C-000001": "+49301234567"})


def test_a_pin_stays_with_its_record_when_the_cluster_comes_apart(small):
    pinned(small, "+49301111111", of=C)

    deciding(small, decide.split, "C-000001", [C])
    small.turn()

    ties = small.ties()
    assert small.golden(columns="phone") == {ties[A]: "+49301234567", ties[C]: "+49301111111"}


def test_a_pin_whose_day_is_over_ends_when_the_next_cycle_begins(small):
    made = pinned(small, "+49301111111", until=TODAY)
    assert small.golden(columns="phone") == {"C-000001": "+49301111111"}

    with store.writing(small.firm.hub_file) as connection:
        assert pins.expire(connection, small.journal, TODAY) == 0
        assert pins.expire(connection, small.journal, TODAY + timedelta(days=1)) == 1
    small.turn()

    assert small.golden(columns="phone") == {"C-000001": "+49301234567"}
    ended = list(small.journal.events(kinds={"value.pinned"}))[-1]
    assert (ended.actor, ended.body["takes_back"], ended.body["because"]) == ("hub", made.decision, f"expired after {TODAY}")


@pytest.mark.parametrize(("column", "value", "named", "said"), [
    ("telephone", "1", {}, "customer has no telephone; pin one of legal_name"),
    ("payment_terms", "whenever", {}, "use one of"),
    ("credit_limit", "a lot", {}, "is no money"),
    ("parent_ref", "C-000002", {}, "refers to another record"),
    ("phone", "+49301111111", {"reason": " "}, "say why"),
    ("phone", "+49301111111", {"until": date(2020, 1, 1)}, "2020-01-01 is over"),
])  # fmt: skip
def test_what_can_not_be_pinned_is_refused(small, column, value, named, said):
    with pytest.raises(Refused, match=said):
        deciding(small, pins.pin, "C-000001", column, value, **{"reason": "known"} | named)
