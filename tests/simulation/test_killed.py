"""The real process, killed with a real SIGKILL at thirty of its points of input and output: before and after requests and journal entries."""

import os
import subprocess
import sys
from pathlib import Path

import promises
import pytest
from test_creates import ACCOUNT, customers, posts
from test_people import customer

ROOT = Path(__file__).parent.parent.parent
POINTS = range(2, 62, 2)  # a turn of this firm has some sixty, and pushes in the last twenty
SOME = (40, 46, 52)  # those of `make test`; `make killed` takes all


@pytest.mark.parametrize("point", [pytest.param(point, marks=() if point in SOME else pytest.mark.live) for point in POINTS])
def test_what_a_process_that_is_killed_leaves_is_finished_by_the_next_and_nothing_is_there_twice(loop, point):
    record, account = customer(loop)
    loop.person_creates("salesforce", "Account", ACCOUNT)
    loop.person_edits("netsuite", "customer", record, companyName="Umbenannt GmbH")
    loop.person_edits("salesforce", "Account", account, Website="neu.example")
    command = [sys.executable, str(Path(__file__).parent / "one_turn.py"), str(loop.folder), str(point)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    assert promises.broken(loop) == []

    loop.rest()

    assert len(customers(loop)) == len(posts(loop)) == 1
    assert loop.rows("salesforce", "Account")[account]["Name"] == "Umbenannt GmbH"
    assert loop.rows("netsuite", "customer")[record]["url"] == "neu.example"
    assert promises.broken(loop) == []
    assert promises.unexplained(loop) == []
