"""Two workers, each with a hub of its own and one journal between them, never push the same line."""

import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from unguarded import unguarded

from hub import journal, projection, store
from hub.journal import Event
from reconcile import lease
from reconcile.correction import Correction, intent
from reconcile.plan import Line

LINE = Line("line-1", "d", "update", "customer", "C-1", "netsuite", "customer", "1187", "website", "{}", "{}", "sales say so")
BATCH = [Correction("P-1", (LINE,))]


@pytest.fixture
def workers(tmp_path):
    """Two hubs on one journal, in both of which the line is approved."""
    with journal.open(tmp_path / "journal.sqlite") as log, store.connect() as first, store.connect() as second:
        for hub in (first, second):
            projection.prepare(hub)
            hub.execute("CREATE TABLE work.plan_line AS SELECT 'line-1' AS line_id, 'approved' AS status")
        yield log, first, second


def test_a_line_that_one_worker_leased_is_not_the_others(workers):
    log, first, second = workers

    with lease.held(first, log, "first", BATCH, 0) as mine, lease.held(second, log, "second", BATCH, 0) as theirs:
        assert (mine.corrections, theirs.corrections) == (BATCH, [])
        assert lease.lost(log, mine) == set()


def test_a_line_that_was_given_back_is_free(workers):
    log, first, second = workers
    with lease.held(first, log, "first", BATCH, 0):
        pass

    with lease.held(second, log, "second", BATCH, 0) as theirs:
        assert theirs.corrections == BATCH


def test_a_line_that_a_dead_worker_leased_is_free_when_its_time_is_up_and_no_longer_its_own(workers):
    log, first, second = workers
    (leased,) = log.append([Event("push.leased", "netsuite", {"lines": ["line-1"], "until": leased_until(log)}, "first")])

    with lease.held(second, log, "second", BATCH, 0) as theirs:
        assert theirs.corrections == BATCH
        assert lease.lost(log, lease.Held(BATCH, leased)) == {"P-1"}
        assert lease.lost(log, theirs) == set()


def test_a_line_that_a_process_of_this_machine_leased_is_free_as_soon_as_it_is_dead(workers):
    log, first, _ = workers
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = f"{socket.gethostname()}:{child.pid}"
    log.append([Event("push.leased", "netsuite", {"lines": ["line-1"], "until": "2099-01-01T00:00:00Z"}, gone)])

    with lease.held(first, log, "first", BATCH, 0) as mine:
        assert mine.corrections == BATCH


def test_a_line_that_is_no_longer_due_is_nobodys(workers):
    log, first, _ = workers
    first.execute("UPDATE work.plan_line SET status = 'held'")
    log.append([Event("plan.withdrawn", "plan-1", {"lines": ["line-1"]}, "Carla Conti")])

    with lease.held(first, log, "first", BATCH, 0) as mine:
        assert mine.corrections == []


def test_a_line_that_another_worker_sent_before_it_died_is_nobodys_though_its_lease_is_over(workers):
    log, first, _ = workers
    log.append([Event("push.leased", "netsuite", {"lines": ["line-1"], "until": leased_until(log)}, "second")])
    projection.load(first, log)
    (known,) = first.execute("SELECT max(seq) FROM journal.event").fetchone()
    with unguarded():
        log.append([intent(Correction("P-2", (LINE,)))])

    with lease.held(first, log, "first", BATCH, known) as mine:
        assert mine.corrections == []


def leased_until(log):
    """The end of a lease whose time is up by now."""
    (event,) = log.append([Event("rules.changed", "now", {})])
    return event.at - timedelta(seconds=1)
