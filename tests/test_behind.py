"""One batch is sent while the next is made ready, and none is forgotten."""

from threading import Event

import pytest

from reconcile.behind import one_behind


def test_the_next_batch_is_made_ready_while_the_one_before_is_on_its_way():
    answered, ended = Event(), []

    with one_behind(is_alone=False) as go:
        go(lambda: answered.wait(5), ended.append)
        before_the_answer = list(ended)
        answered.set()
        go(lambda: "second", ended.append)

    assert (before_the_answer, ended) == ([], [True, "second"])


def test_what_was_sent_is_noted_though_the_next_batch_could_not_be_made_ready():
    ended = []

    with pytest.raises(ValueError), one_behind(is_alone=False) as go:
        go(lambda: "first", ended.append)
        raise ValueError

    assert ended == ["first"]


def test_with_a_system_that_takes_one_request_at_a_time_nothing_goes_on_beside_it():
    story = []

    with one_behind(is_alone=True) as go:
        for name in ("first", "second"):
            story.append(f"{name} is ready")
            go(lambda name=name: f"{name} is sent", story.append)

    assert story == ["first is ready", "first is sent", "second is ready", "second is sent"]
