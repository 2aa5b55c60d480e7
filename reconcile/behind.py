"""Sends one batch while the next is made ready: the system's work, and the way there, go on beside ours."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

Go = Callable[[Callable[[], Any], Callable[[Any], None]], None]


def at_once(act: Callable[[], Any], then: Callable[[Any], None]) -> None:
    """Do `act`, then `then` with what came of it."""
    then(act())


@contextmanager
def one_behind(is_alone: bool) -> Iterator[Go]:
    """A function like `at_once`, which may return before `act` is done: acts follow each other in a thread of their own.

    `then` is called here, one act later at the latest, and for the last one when the `with` block ends, however it does.

    is_alone  the system takes one request at a time: nothing goes on beside it
    """
    if is_alone:
        yield at_once
        return
    begun: list[tuple[Future, Callable[[Any], None]]] = []

    def finish(left: int) -> None:
        while len(begun) > left:
            act, then = begun.pop(0)
            then(act.result())

    def go(act: Callable[[], Any], then: Callable[[Any], None]) -> None:
        begun.append((hand.submit(act), then))
        finish(1)

    with _turns_often(), ThreadPoolExecutor(1) as hand:
        try:
            yield go
        finally:
            finish(0)


@contextmanager
def _turns_often() -> Iterator[None]:
    """Let threads take turns ten times as often: the one that sends would wait 5 ms for its turn whenever a piece of an answer comes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
