"""Workers on one machine share what a system lets them ask: no two of them have more requests than one would."""

import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hub.errors import SystemUnavailable
from hub.systems import budget
from hub.systems.http import Http, NotSent
from hub.systems.simulator import serving

WORKER = """
import sys
from pathlib import Path
from hub.systems import budget, http
budget.PATIENCE = 0.1
client = http.Http(sys.argv[1], system="crm", limits={"per_day": 4}, budget=Path(sys.argv[2]))
for number in range(3):
    try:
        client.send("POST", "/", "P-1")
    except http.NotSent as refused:
        print(refused)
"""


@pytest.fixture
def crm():
    """A system that counts the requests it gets."""
    asked = []

    async def count(request):
        asked.append(request.method)
        return Response(status_code=204)

    with serving({"crm": Starlette(routes=[Route("/", count, methods=["GET", "POST"])])}) as urls:
        yield urls["crm"], asked


def test_two_workers_together_get_no_more_requests_than_one(crm, tmp_path):
    url, asked = crm
    command = [sys.executable, "-c", WORKER, url, tmp_path / "state" / "budgets.sqlite"]

    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = "".join(worker.communicate()[0] for worker in workers)

    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(asked) == 4
    assert told.count("all requests that it may get are used up") == 2


def test_a_request_beyond_the_budget_is_never_sent_and_never_in_doubt(crm, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "PATIENCE", 0.1)
    url, asked = crm
    client = Http(url, system="crm", limits={"per_day": 1}, budget=tmp_path / "budgets.sqlite")
    client.send("POST", "/", "P-1")

    with pytest.raises(NotSent, match="raise its limits in concord.yaml, or wait"):
        client.send("POST", "/", "P-1")
    with pytest.raises(SystemUnavailable, match="or wait$"):
        client.read("GET", "/")
    client.close()

    assert asked == ["POST"]


def test_of_a_daily_budget_no_more_than_a_tenth_is_taken_and_not_used(crm, tmp_path):
    url, asked = crm
    limits, file = {"per_day": 100}, tmp_path / "budgets.sqlite"
    first, second = (Http(url, system="crm", limits=limits, budget=file) for _ in range(2))
    for _ in range(61):
        first.send("POST", "/", "P-1")

    for _ in range(33):
        second.send("POST", "/", "P-2")

    first.close()
    second.close()
    assert len(asked) == 94
