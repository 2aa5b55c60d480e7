"""Words that can't all hold are named, and no more of them than it takes; the newer ones wait."""

from datetime import datetime

import polars as pl

from reconcile import contradiction
from reconcile.contradiction import Word


def word(seq, left, right, verdict="same", actor="Ann", decision=None):
    return Word("customer", left, right, verdict, actor, datetime(2026, 3, seq), seq, decision or f"D-{seq}", left, right)


def sifted(*words):
    binding, waiting = contradiction.sift(pl.DataFrame(words))
    return binding.get_column("seq").to_list(), {decision: [each.seq for each in conflict] for decision, conflict in waiting.items()}


def test_two_that_are_one_by_way_of_a_third_can_not_be_different():
    conflict = contradiction.smallest(
        [word(1, "a", "b"), word(2, "b", "c", actor="Bob"), word(3, "a", "c", "different"), word(4, "d", "e")]
    )

    assert "; ".join(each.told() for each in conflict) == (
        "a and b are the same (Ann, 2026-03-01 00:00 UTC, D-1); b and c are the same (Bob, 2026-03-02 00:00 UTC, D-2); "
        "a and c are different (Ann, 2026-03-03 00:00 UTC, D-3)"
    )
    assert contradiction.advice(conflict, "D-3") == "take one back first: `hub decide undo D-1` or `hub decide undo D-2`"


def test_the_shortest_of_several_ways_is_named():
    around = [word(1, "a", "b"), word(2, "b", "c"), word(3, "c", "d"), word(4, "a", "x"), word(5, "d", "x")]

    assert [each.seq for each in contradiction.smallest([*around, word(6, "a", "d", "different")])] == [4, 5, 6]


def test_words_that_agree_contradict_nothing():
    assert (
        contradiction.smallest([word(1, "a", "b"), word(2, "b", "c"), word(3, "a", "d", "different"), word(4, "c", "e", "parent_of")]) == []
    )
    assert sifted(word(1, "a", "b"), word(2, "b", "c", "different")) == ([1, 2], {})


def test_the_newer_decision_waits_as_a_whole_and_the_rest_goes_on():
    words = [
        word(1, "a", "b"),
        word(2, "b", "c"),
        word(3, "a", "c", "different", decision="D-split"),
        word(4, "a", "d", "different", decision="D-split"),
        word(5, "e", "f"),
    ]

    assert sifted(*words) == ([1, 2, 5], {"D-split": [1, 2, 3]})


def test_when_the_older_word_is_taken_back_the_newer_one_holds():
    assert sifted(word(2, "b", "c"), word(3, "a", "c", "different")) == ([2, 3], {})


def test_a_relation_keeps_two_apart_and_says_which_way_it_goes():
    parent = Word("customer", "a", "b", "parent_of", "Ann", None, 1, "D-1", "a", "b", "b")

    assert parent.told() == "b is the parent of a (Ann, D-1)"
    assert contradiction.smallest([parent, word(2, "a", "b")]) == [parent, word(2, "a", "b")]


def test_a_merge_inside_a_system_is_named_where_a_word_was_said_of_another_record():
    said = Word("customer", "crm:2", "erp:1", "same", "Ann", None, 1, "D-1", "crm:1", "erp:1")

    assert said.told() == "crm:1 and erp:1 are the same (Ann, D-1; crm:1 was merged into crm:2)"
