"""Stewards merge, split and move: words on source records, which hold through whatever comes."""

import pytest
from small_firm import Small

from assets import rebuild
from hub import rules, store
from hub.errors import Refused
from reconcile import decide, decisions, pins
from reconcile.steward import Steward

A, B, C, X = "crm:Account:1", "crm:Account:2", "erp:Customer:7", "erp:Customer:8"


@pytest.fixture
def small(tmp_path):
    """C-1 is A and C by their website and name; C-2 is B, C-3 is X."""
    made = Small(tmp_path)
    made.say(A, Name="Brindle Works GmbH", Website="brindle.example")
    made.say(B, Name="Tarnfield Ltd", Website="tarnfield.example")
    made.say(C, Name="Brindle Works", Website="brindle.example")
    made.say(X, Name="Quillon Holding", Website="quillon.example")
    made.turn()
    return made


def deciding(small, function, *arguments, actor="Ann", **named):
    with store.writing(small.firm.hub_file) as connection:
        return function(Steward(connection, small.journal, rules.of(str(small.firm.folder.resolve())), actor), *arguments, **named)


def clusters(small):
    found = {}
    for ref, hub_id in small.ties().items():
        found.setdefault(hub_id, []).append(ref)
    return found


def test_two_hub_ids_are_merged_and_one_undo_takes_all_of_it_back(small):
    before = clusters(small)
    assert before == {"C-000001": [A, C], "C-000002": [B], "C-000003": [X]}

    made = deciding(small, decide.merge, "C-000001", "C-000002", reason="one owner")
    small.turn()
    merged = clusters(small)
    taken_back = deciding(small, decide.undo)
    small.turn()

    assert (made.command, made.count) == ("merge", 2)
    assert merged == {"C-000001": [A, B, C], "C-000003": [X]}
    assert taken_back.decision == made.decision
    assert clusters(small) == before


def test_a_merged_id_may_be_named_by_the_one_that_leads_to_it(small):
    deciding(small, decide.merge, "C-000001", "C-000002")
    small.turn()

    deciding(small, decide.merge, "C-000002", "C-000003")
    small.turn()

    assert clusters(small) == {"C-000001": [A, B, C, X]}


def test_a_split_holds_when_a_record_comes_that_fits_both_parts(small):
    deciding(small, decide.split, "C-000001", [C], reason="another branch")
    small.turn()
    small.say("erp:Customer:9", Name="Brindle Works GmbH", Website="brindle.example")
    small.turn()

    assert small.ties()[A] != small.ties()[C]


def test_a_moved_record_stays_where_it_was_put_when_its_values_change(small):
    deciding(small, decide.move, C, "C-000002", reason="sold")
    small.turn()
    assert clusters(small) == {"C-000001": [A], "C-000002": [B, C], "C-000003": [X]}

    small.say(C, Name="Brindle Works GmbH", Website="brindle.example", Phone="+49 30 1234567")
    small.say(A, Phone="+49 30 1234567")
    small.turn()

    assert clusters(small) == {"C-000001": [A], "C-000002": [B, C], "C-000003": [X]}


def test_what_can_not_hold_is_refused_with_the_words_that_stand_against_it(small):
    first = deciding(small, decide.pair, A, B, "same")
    second = deciding(small, decide.pair, B, X, "same", actor="Bob")

    with pytest.raises(Refused) as refused:
        deciding(small, decide.pair, X, A, "different")

    said = str(refused.value)
    assert f"{X} and {A} are different" in said or f"{A} and {X} are different" in said
    assert f"{A} and {B} are the same (Ann, " in said and f"{B} and {X} are the same (Bob, " in said
    assert f"`hub decide undo {first.decision}` or `hub decide undo {second.decision}`" in said


def test_a_command_over_clusters_does_not_brush_aside_what_was_said_of_one_pair(small):
    deciding(small, decide.pair, A, B, "different", actor="Bob")

    with pytest.raises(Refused, match="are different .Bob"):
        deciding(small, decide.merge, "C-000001", "C-000002")
    deciding(small, decide.merge, "C-000001", "C-000002", replace=True)
    small.turn()
    assert small.ties()[A] == small.ties()[B]

    deciding(small, decide.undo)
    small.turn()
    assert small.ties()[A] != small.ties()[B]
    assert small.hub("SELECT verdict, actor FROM journal.decision") == [("different", "Bob")]


@pytest.mark.parametrize(("function", "arguments", "said"), [
    (decide.merge, ("C-000001", "C-000001"), "both lead to C-000001"),
    (decide.merge, ("C-000001", "C-000099"), "was never issued"),
    (decide.split, ("C-000001", [A, C]), "2 leave it; name some of them, not all"),
    (decide.split, ("C-000001", [B]), "is not one of the records of C-000001"),
    (decide.move, (A, "C-000001"), "it is there already"),
    (decide.pair, (A, "crm:Account:none", "same"), "is no record of the newest cut"),
    (decide.pair, (A, A, "same"), "are not two records"),
    (decide.pair, (A, B, "alike"), "is no verdict"),
    (decide.undo, (), "no decision stands"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(small, function, arguments, said):
    with pytest.raises(Refused, match=said):
        deciding(small, function, *arguments)

    assert list(small.journal.events(kinds={"match.decided"})) == []


def test_a_parent_is_kept_apart_from_its_child_and_said_to_be_its_parent(small):
    deciding(small, decide.pair, C, A, "parent_of")
    small.turn()

    assert small.ties()[A] != small.ties()[C]
    assert small.hub("SELECT verdict, left_ref, right_ref, subject_ref FROM journal.decision") == [("parent_of", A, C, C)]


def test_a_decision_made_while_a_cycle_runs_is_acted_on_by_the_next(small):
    from unittest import mock

    from reconcile import ties

    real = ties.match

    def deciding_meanwhile(connection, entity, *rest):
        if entity.entity == "customer":
            small.note("match.decided", f"{A} {B}", entity="customer", left_ref=A, right_ref=B, verdict="same")
        return real(connection, entity, *rest)

    small.say(X, Phone="+49 30 7654321")
    with mock.patch.object(ties, "match", deciding_meanwhile):
        small.turn()
    small.turn()

    assert small.ties()[A] == small.ties()[B]


def test_two_stewards_on_two_cuts_contradict_each_other_and_the_newer_word_waits_until_an_older_one_is_taken_back(small):
    first = deciding(small, decide.pair, A, B, "same")
    for left, right, verdict in ((B, X, "same"), (A, X, "different")):  # said by people who did not see each other's words
        small.note("match.decided", f"{left} {right}", entity="customer", left_ref=left, right_ref=right, verdict=verdict)
    small.turn()

    ((message,),) = small.hub("SELECT message FROM journal.exception WHERE kind = 'contradiction'")
    assert all(f"{one} and {other} are" in message for one, other in ((A, B), (B, X), (A, X)))
    assert small.ties()[A] == small.ties()[B] == small.ties()[X]
    assert [row["state"] for row in deciding(small, decisions.standing)] == ["waits", "stands", "stands"]

    deciding(small, decide.undo, first.decision, actor="Bob")
    small.turn()

    assert small.hub("SELECT count(*) FROM journal.exception") == [(0,)]
    assert small.ties()[A] != small.ties()[X] == small.ties()[B]


def test_a_hub_with_every_kind_of_decision_is_rebuilt_from_the_journal_alone(small):
    deciding(small, decide.merge, "C-000001", "C-000002")
    deciding(small, decide.pair, C, X, "parent_of")
    deciding(small, pins.pin, X, "phone", "+49 30 1234567", "she told me")
    small.say("crm:Account:3", Into="2", Name="Gone Ltd")
    small.turn()
    deciding(small, decide.split, "C-000001", [C], replace=True)
    small.say(A, Phone="+49 30 7654321")
    small.turn()
    deciding(small, decide.undo)
    small.turn()

    assert [each for each in rebuild.verify(small.firm) if not each.equal] == []
