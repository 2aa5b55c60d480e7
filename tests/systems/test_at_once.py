"""Systems that take one record a request get several requests at once, and each write is still sent once and told apart."""

import asyncio
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from hub import mapping
from hub.systems.connector import Connection, Write
from hub.systems.http import Http
from hub.systems.netsuite import connector, simulator
from hub.systems.simulator import Clock, serving

SYSTEM = mapping.read(Path(connector.__file__).parent / "system.yaml")
CUSTOMER, AT_ONCE = SYSTEM.objects["customer"], int(SYSTEM.limits["in_flight"])
QUERY = "/services/rest/query/v1/suiteql"


class Crowd:
    """Middleware that lets no write in until as many wait as may be in flight, and spoils some: {record id: (before, after)}."""

    def __init__(self, app):
        self.app, self.spoiled, self.sent = app, {}, Counter()
        self.together = asyncio.Barrier(AT_ONCE)

    async def __call__(self, scope, receive, send):
        found = re.search(r"/record/v1/customer/(\d+)$", scope["path"])
        if not found:
            self.sent[scope["path"]] += 1
            return await self.app(scope, receive, send)
        self.sent[found[1]] += 1
        async with asyncio.timeout(30):
            await self.together.wait()
        before, after = self.spoiled.get(found[1], (None, None))
        if before:
            return await _answer(send, before)
        if after:
            await self.app(scope, receive, lambda message: asyncio.sleep(0))
            return await _answer(send, after)
        await self.app(scope, receive, send)


async def _answer(send, status):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def crowd():
    simulated = simulator.Simulator(Clock())
    for number in range(4 * AT_ONCE):
        simulated.tables["customer"].create({"companyName": f"Customer {number}", "subsidiary": {"id": "2"}})
    crowd = Crowd(simulated.app)
    with serving({"netsuite": crowd}) as urls:
        system = connector.connect(SYSTEM, Connection(urls["netsuite"], simulated.secrets))
        yield crowd, simulated.tables["customer"].rows, system
        system.close()


def _renamed(rows):
    return [Write(f"push {key}", "update", key, f"C-{key}", {"companyName": f"Renamed {key}"}) for key in rows]


def test_as_many_writes_are_under_way_as_the_system_allows_and_outcomes_keep_their_order(crowd):
    middle, rows, system = crowd

    outcomes = system.write(CUSTOMER, _renamed(rows))

    assert [(one.key, one.state, one.record_id) for one in outcomes] == [(f"push {key}", "acknowledged", key) for key in rows]
    assert {key: row["companyName"] for key, row in rows.items()} == {key: f"Renamed {key}" for key in rows}
    assert middle.sent[QUERY] == len(rows) / AT_ONCE  # looked at together, just before


def test_what_goes_wrong_with_one_write_is_told_of_that_one_and_nothing_is_sent_twice(crowd):
    middle, rows, system = crowd
    lost, refused, late = list(rows)[1], list(rows)[AT_ONCE], list(rows)[-1]
    middle.spoiled = {lost: (503, None), refused: (429, None), late: (None, 502)}

    states = {one.record_id: one.state for one in system.write(CUSTOMER, _renamed(rows))}

    assert states == dict.fromkeys(rows, "acknowledged") | {lost: "in_doubt", refused: "rejected", late: "in_doubt"}
    assert [key for key, row in rows.items() if not row["companyName"].startswith("Renamed")] == [lost, refused]
    assert {key: middle.sent[key] for key in rows} == dict.fromkeys(rows, 1)


def test_what_has_not_begun_when_something_unforeseen_happens_never_begins():
    system, begun = Http("http://127.0.0.1:9", system="any", limits={"in_flight": 2}), []

    def act(number):
        begun.append(number)
        if number == 0:
            raise KeyError("unforeseen")
        time.sleep(0.001)

    with pytest.raises(KeyError, match="unforeseen"):
        system.each(act, range(10_000))
    system.close()

    assert len(begun) < 10_000
