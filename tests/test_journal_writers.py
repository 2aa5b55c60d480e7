"""Many who write the journal at once, in threads and processes, and one that is killed."""

# ruff: noqa: F811  a fixture, and the argument that asks for it, have one name
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from journals import few, new_place, place, postgres  # noqa: F401

from hub import journal
from hub.journal import Event


def append_batches(place: str, writer: int, sizes: list[int]) -> None:
    """One writer's work, in a process of its own."""
    with journal.open(place) as log:
        for number, size in enumerate(sizes):
            log.append([Event("batch", f"{writer}:{number}:{part}", {"size": size}) for part in range(size)])


def whole_batches(log: journal.Journal) -> dict[str, list[int]]:
    """Parts found of each batch, in journal order."""
    found: dict[str, list[int]] = {}
    for batch, parts in groupby((each.subject.rpartition(":") for each in log.events()), key=lambda subject: subject[0]):
        assert batch not in found, f"batch {batch} is torn apart by another"
        found[batch] = [int(part) for _, _, part in parts]
    return found


writers = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), min_size=2, max_size=6)


@few
@given(work=writers)
def test_threads_that_append_at_once_make_one_chain_with_every_event_once(new_place, work):
    with journal.open(new_place()) as log, ThreadPoolExecutor(len(work)) as pool:

        def write(writer: int) -> None:
            for number, size in enumerate(work[writer]):
                log.append([Event("batch", f"{writer}:{number}:{part}", {}) for part in range(size)])

        list(pool.map(write, range(len(work))))

        assert log.verify() is None
        assert whole_batches(log) == {
            f"{writer}:{n}": list(range(size)) for writer, sizes in enumerate(work) for n, size in enumerate(sizes)
        }


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        yield pool


@few
@given(work=writers)
def test_processes_that_open_and_append_at_once_make_one_chain_with_every_event_once(new_place, processes, work):
    place = new_place()

    for each in [processes.submit(append_batches, place, writer, sizes) for writer, sizes in enumerate(work)]:
        each.result(120)

    with journal.open(place) as log:
        assert log.verify() is None
        assert whole_batches(log) == {
            f"{writer}:{n}": list(range(size)) for writer, sizes in enumerate(work) for n, size in enumerate(sizes)
        }


KILLED = """
import sys
from itertools import count
from test_journal_writers import append_batches
append_batches(sys.argv[1], int(sys.argv[2]), [2000] * 1000)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_batches_only(place):
    here = Path(__file__).parent
    paths = {**os.environ, "PYTHONPATH": f"{here.parent}:{here}"}
    for writer, patience in enumerate([0.0, 0.05, 0.11, 0.23]):
        before = journal_head(place)
        with subprocess.Popen([sys.executable, "-c", KILLED, place, str(writer)], env=paths) as victim:  # noqa: S603
            while journal_head(place) == before:  # until it is well in the middle of its work
                time.sleep(0.01)
            time.sleep(patience)
            victim.send_signal(signal.SIGKILL)

        with journal.open(place) as log:
            [after] = log.append([Event("batch", f"survivor {writer}:0", {})])

            assert log.verify() is None
            assert {tuple(parts) for batch, parts in whole_batches(log).items() if "survivor" not in batch} == {tuple(range(2000))}
            assert after.seq == log.head()[0] > before


def journal_head(place: str) -> int:
    with journal.open(place) as log:
        return log.head()[0]
