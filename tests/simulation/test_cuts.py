"""A reader never sees a half-written state, not while the hub works, and not after it died."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import promises
import pytest
from loop import Killed, dying
from test_people import customer

from assets import evaluation, publishing
from hub import store
from hub.errors import HubError

ROOT = Path(__file__).parent.parent.parent
AGREE = """
SELECT (SELECT count(*) FROM golden.customer ANTI JOIN identity.customer USING (hub_id)),
  (SELECT count(*) FROM (SELECT hub_id, count(*) AS n FROM identity.customer WHERE is_live GROUP BY hub_id) AS i LEFT JOIN golden.customer AS g USING (hub_id)
    WHERE i.n IS DISTINCT FROM g.record_count),
  (SELECT count(*) FROM outbound.delta AS d ANTI JOIN discrepancy.found AS f ON f.id = d.discrepancy_id WHERE d.field IS DISTINCT FROM 'hub_id')
"""


def test_twenty_readers_see_whole_cuts_while_the_loop_turns(loop):
    publishing.publish(loop.firm, loop.journal)
    seen, wrong, stop = [], [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                with store.reading(loop.firm.cuts) as connection:
                    seen.append(connection.execute(AGREE).fetchone())
            except Exception as failure:
                wrong.append(failure)
            stop.wait(0.3)

    readers = [threading.Thread(target=read) for _ in range(20)]
    for reader in readers:
        reader.start()
    for number in range(2):
        loop.person_edits("salesforce", "Account", customer(loop)[1], Website=f"neu-{number}.example")
        loop.turn()
        publishing.publish(loop.firm, loop.journal)
    stop.set()
    for reader in readers:
        reader.join()

    assert wrong == []
    assert set(seen) == {(0, 0, 0)}


def test_a_run_that_died_while_it_built_the_tables_is_not_published(loop):
    publishing.publish(loop.firm, loop.journal)
    record = customer(loop)[0]
    loop.person_deletes("netsuite", "customer", record)
    loop.observe()
    with dying(evaluation, "_evaluate", at=8), pytest.raises(Killed):
        loop.understand()

    with pytest.raises(HubError, match="hub run"):
        publishing.publish(loop.firm, loop.journal)
    with store.reading(loop.firm.cuts) as connection:
        assert connection.execute(AGREE).fetchone() == (0, 0, 0)

    loop.understand()
    publishing.publish(loop.firm, loop.journal)
    with store.reading(loop.firm.cuts) as connection:
        assert connection.execute(AGREE).fetchone() == (0, 0, 0)


@pytest.mark.parametrize("seconds", [0.3, 0.9, 1.6])
def test_a_process_killed_at_any_moment_leaves_what_the_next_one_finishes(loop, seconds):
    record, account = customer(loop)
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.person_edits("salesforce", "Account", account, Website="neu.example")
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "one_turn.py"), str(loop.folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    ) as child:
        child.stdout.readline()  # it has started, and turns from now on
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)

    assert promises.broken(loop) == []
    loop.rest()

    assert loop.rows("salesforce", "Account")[account]["Name"] == "Umbenannt GmbH"
    assert loop.rows("netsuite", "customer")[record]["url"] == "neu.example"
    assert promises.broken(loop) == []
