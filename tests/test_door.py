"""The journal records no consent that nobody may give, and no write that nobody consented to, whoever calls it."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from hub import journal
from hub.controls import Controls
from hub.errors import Refused
from hub.journal import Event
from reconcile import in_force
from reconcile.policies import Policy

ROLES = {"crm": "crm", "erp": "erp"}
LINE = {
    "line_id": "L1",
    "discrepancy_id": "D1",
    "action": "update",
    "entity": "customer",
    "hub_id": "C-1",
    "system": "erp",
    "object": "Customer",
    "record_id": "7",
    "field": "payment_terms",
    "base": '{"payment_terms":"net_30"}',
    "want": '{"payment_terms":"net_60"}',
    "why": "because",
    "hold": None,
    "money": "500.00",
    "sensitivity": "internal",
    "authors": None,
    "eyes": 1,
}


def sealed(*lines, gone=()):
    return Event("plan.sealed", "plan", {"lines": list(lines), "gone": list(gone)})


def consent(actor="Ann", *line_ids, **body):
    return Event("plan.approved", "plan", {"lines": list(line_ids or ("L1",)), **body}, actor)


def intent(line=LINE, push_id="P-1", **other):
    fields = {line["field"] or "create": {"base": line["base"], "want": line["want"], "why": line["why"]}}
    said = {name: line[name] for name in ("system", "object", "entity", "hub_id", "record_id", "action")}
    return Event("push.intended", push_id, said | {"push_id": push_id, "lines": [line["line_id"]], "fields": fields} | other)


class Clock:
    def __init__(self):
        self.at = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kept(tmp_path, clock):
    with journal.open(tmp_path / "journal.sqlite", clock) as opened:
        yield opened


def told(kept, *events):
    """Each event in an append of its own."""
    for event in events:
        kept.append([event])


def control(kept, policies=(), **controls):
    in_force.put(kept, in_force.proposed(Controls.model_validate(controls), policies, ROLES))


def refused(kept, event, why):
    head = kept.head()
    with pytest.raises(Refused, match=why):
        kept.append([event])
    assert kept.head() == head


def test_a_line_that_somebody_consented_to_may_be_sent(kept):
    told(kept, sealed(LINE), consent())

    kept.append([intent()])

    assert [event.kind for event in kept.events()] == ["plan.sealed", "plan.approved", "push.intended"]


def test_nothing_is_sent_without_consent(kept):
    told(kept, sealed(LINE))

    refused(kept, intent(), "nobody consented")


def test_consent_needs_a_line_of_the_plan(kept):
    refused(kept, consent(), "in no plan")


def test_an_intent_that_is_not_what_its_line_says_is_refused(kept):
    told(kept, sealed(LINE), consent())
    other = {"payment_terms": {"base": LINE["base"], "want": '{"payment_terms":"net_90"}', "why": ""}}

    refused(kept, intent(fields=other), "not what its lines say")
    refused(kept, intent(record_id="8"), "not what its lines say")
    refused(kept, intent(system="crm"), "not what its lines say")
    refused(kept, intent(fields=intent().body["fields"] | {"tax_id": {"base": None, "want": "{}"}}), "not what its lines say")
    refused(kept, intent(lines=[]), "not what its lines say")


def test_consent_ends_when_the_line_leaves_the_plan(kept):
    told(kept, sealed(LINE), consent(), sealed(gone=["L1"]))
    refused(kept, intent(), "in no plan")

    told(kept, sealed(LINE))

    refused(kept, intent(), "nobody consented")


def test_consent_that_was_taken_back_counts_no_more(kept):
    told(kept, sealed(LINE), consent(), Event("plan.withdrawn", "plan", {"lines": ["L1"]}, "Ann"))

    refused(kept, intent(), "nobody consented")


def test_a_line_that_is_held_is_neither_consented_to_nor_sent(kept):
    told(kept, sealed(LINE), consent(), sealed(LINE | {"hold": "posted; the lawful way is a credit_memo"}))

    refused(kept, intent(), "credit_memo")
    refused(kept, consent("Ben"), "credit_memo")


def test_a_push_on_its_way_is_not_sent_again_by_another_worker(kept):
    told(kept, sealed(LINE), consent(), intent())

    refused(kept, intent(push_id="P-2"), "no end yet")
    told(kept, Event("push.outcome", "P-1", {"state": "in_doubt"}))
    refused(kept, intent(push_id="P-2"), "no end yet")
    told(kept, Event("push.outcome", "P-1", {"state": "not_sent"}))

    kept.append([intent(push_id="P-2")])


def test_what_two_processes_record_in_turns_is_known_to_both(tmp_path, clock):
    """Each remembers what it recorded itself, and reads what the other did."""
    outcome = lambda state: Event("push.outcome", "P-1", {"state": state, "record_id": "7", "message": ""})
    with journal.open(tmp_path / "journal.sqlite", clock) as one, journal.open(tmp_path / "journal.sqlite", clock) as other:
        told(one, sealed(LINE), consent(), intent())
        refused(one, intent(), "P-1 of it has no end yet")
        refused(other, intent(), "P-1 of it has no end yet")
        told(other, outcome("not_sent"))
        told(one, intent())
        refused(other, intent(), "P-1 of it has no end yet")
        told(one, outcome("acknowledged"))
        told(other, outcome("confirmed"))
        refused(one, intent(), "consent, which counts once")
        told(one, consent())
        told(other, intent())
        refused(one, intent(), "P-1 of it has no end yet")


def test_what_a_failed_append_told_is_forgotten(kept):
    told(kept, sealed(LINE), consent(), intent())
    told(kept, Event("push.outcome", "P-1", {"state": "not_sent", "record_id": None, "message": ""}))
    real = journal.Door.note

    def noted(door, recorded):
        real(door, recorded)
        raise OSError("disk full")

    with mock.patch.object(journal.Door, "note", noted), pytest.raises(OSError):
        kept.append([intent()])

    kept.append([intent()])


def test_consent_counts_once(kept):
    told(kept, sealed(LINE), consent(), intent(), Event("push.outcome", "P-1", {"state": "confirmed"}))

    refused(kept, intent(push_id="P-2"), "counts once")


def test_consent_ends_with_an_exception_about_its_line(kept):
    about = "erp Customer 7 payment_terms"
    told(kept, sealed(LINE), consent())
    told(kept, Event("exception.opened", f"dead_letter:{about}", {"kind": "dead_letter", "about": about, "message": "", "owner": "erp"}))

    refused(kept, intent(), "an exception was opened")
    told(kept, consent("Ben"))

    kept.append([intent()])


def test_nobody_consents_to_their_own_change(kept):
    told(kept, sealed(LINE | {"authors": '["Ann"]'}))

    refused(kept, consent("Ann"), "nobody consents to their own change")
    refused(kept, consent(" ANN "), "nobody consents to their own change")

    kept.append([consent("Ben")])


def test_a_firm_of_one_person_says_so_and_may(kept):
    control(kept, alone=True)
    told(kept, sealed(LINE | {"authors": '["Ann"]'}))

    kept.append([consent("Ann")])


def test_what_needs_four_eyes_is_sent_after_the_second_person(kept):
    told(kept, sealed(LINE | {"eyes": 2}), consent("Ann"))

    refused(kept, intent(), "needs two persons")
    refused(kept, consent("ann"), "has consented already")
    told(kept, consent("Ben"))

    kept.append([intent()])


def test_nobody_is_no_person(kept):
    told(kept, sealed(LINE))

    for name in ("", "hub", "policy", " Hub "):
        refused(kept, consent(name), "is no person")


def test_once_a_controller_is_named_only_a_controller_consents_and_changes_the_controls(kept):
    control(kept, people={"controller": ["Carla Conti"]})
    told(kept, sealed(LINE))

    refused(kept, consent("Ann"), "no controller")
    refused(kept, Event("controls.set", "controls", {"controls": {}, "policies": [], "roles": ROLES}, "Ann"), "no controller")
    refused(kept, Event("controls.set", "controls", {"controls": {}, "policies": [], "roles": ROLES}), "is no person")
    refused(kept, Event("breaker.released", "erp Customer", {"system": "erp", "object": "Customer", "records": 9}, "Ann"), "no controller")

    kept.append([consent("carla conti")])


POLICY = Policy(
    name="terms", version=1, why="harmless", fields=("payment_terms",), limit={"amount": 1000, "lines": 1, "classes": ("internal",)}
)


def test_a_policy_consents_to_what_it_covers_within_its_limits(kept):
    control(kept, [POLICY])
    told(kept, sealed(LINE))

    kept.append([consent("policy", policy="terms v1")])
    kept.append([intent()])


@pytest.mark.parametrize(
    "other",
    [
        {"field": "legal_name"},
        {"money": "1000.01"},
        {"sensitivity": "sensitive"},
        {"eyes": 2},
        {"want": '{"payment_terms":null}'},
        {"action": "create", "field": None},
    ],
)
def test_a_policy_consents_to_nothing_else(kept, other):
    control(kept, [POLICY])
    told(kept, sealed(LINE | other))

    refused(kept, consent("policy", policy="terms v1"), "not covered by policy")


def test_a_policy_that_would_cover_more_lines_than_its_limit_covers_none(kept):
    control(kept, [POLICY])
    told(kept, sealed(LINE, LINE | {"line_id": "L2", "record_id": "8"}))

    refused(kept, consent("policy", "L1", "L2", policy="terms v1"), "covers 1 lines")


def test_a_policy_that_is_not_in_force_consents_to_nothing(kept):
    control(kept, [POLICY])
    told(kept, sealed(LINE))

    refused(kept, consent("policy", policy="terms v2"), "not in force")
    refused(kept, consent("Ann", policy="terms v1"), "in your own name")


def test_consent_that_is_too_old_counts_no_more_and_no_clock_helps(kept, clock):
    control(kept, valid_days=10)
    told(kept, sealed(LINE), consent())
    clock.at += timedelta(days=11)
    refused(kept, intent(), "older than 10 days")

    told(kept, Event("cases.opened", "discrepancy", {"ids": []}))
    clock.at -= timedelta(days=10)

    refused(kept, intent(), "older than 10 days")


def test_consent_and_intents_happen_now(kept, clock):
    told(kept, sealed(LINE))

    refused(kept, Event("plan.approved", "plan", {"lines": ["L1"]}, "Ann", at=clock.at - timedelta(hours=1)), "set the clock")


def test_outside_its_window_a_system_is_not_written_to(kept, clock):
    control(kept, windows={"erp": {"days": ["mon"], "from": "07:00", "to": "19:00"}}, timezone="Asia/Tokyo")
    told(kept, sealed(LINE), consent())

    refused(kept, intent(), "at this hour")  # noon in Greenwich is nine in the evening in Tokyo
    clock.at += timedelta(hours=11, days=6)

    kept.append([intent()])


def test_an_append_that_is_refused_records_none_of_its_events(kept):
    told(kept, sealed(LINE))

    refused(kept, intent(), "nobody consented")
    with pytest.raises(Refused):
        kept.append([Event("cases.opened", "discrepancy", {"ids": []}), intent()])

    assert kept.head()[0] == 1 and kept.verify() is None
