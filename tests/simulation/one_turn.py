"""`python one_turn.py PROJECT [POINT]`: turns the loop over a firm until it is killed, approving all that waits for consent.

POINT  the process kills itself with SIGKILL at its n-th point of input or output: before and after each request and each entry in the
       journal. A turn with fewer points ends by itself, and so does the process then.
"""

import os
import signal
import sys
from pathlib import Path

from assets import correct, observe, understand
from hub import firm, journal, store
from hub.systems.http import Http
from reconcile import plan


def turn(the_firm: firm.Firm, entries: journal.Journal) -> None:
    for name in the_firm.systems:
        observe.observe(the_firm, name, entries)
    understand.understand(the_firm, entries)
    correct.make_plan(the_firm, entries)
    with store.writing(the_firm.hub_file) as connection:
        present = plan.read(connection)
    plan.approve(entries, present, present.hash, "controller")
    for name in the_firm.systems:
        correct.push_system(the_firm, name, entries)


def dies_at(point: int) -> None:
    """From now on, count the points, and let the process be killed at this one."""
    left = [point]

    def counted(real):
        def reached(*arguments, **named):
            _one_less(left)
            done = real(*arguments, **named)
            _one_less(left)
            return done

        return reached

    Http._request, journal.Journal.append = counted(Http._request), counted(journal.Journal.append)


def _one_less(left: list[int]) -> None:
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    the_firm = firm.read(Path(sys.argv[1]))
    entries = journal.open(the_firm.journal)
    print("started", flush=True)
    if len(sys.argv) > 2:
        dies_at(int(sys.argv[2]))
        turn(the_firm, entries)
    while len(sys.argv) == 2:
        turn(the_firm, entries)
