"""Connectors on what real servers answered, where no server runs; tests/live/test_recording.py says whether they still answer so."""

from contextlib import suppress

import pytest

from hub.errors import HubError
from tests import recorded
from tests.recorded import CASES, Replayer


@pytest.fixture(params=CASES, ids=lambda case: case.system)
def told(request):
    case = request.param
    with recorded.connected(case, case.url, case.secrets, Replayer(case.file)) as (each, connector):
        yield case, each, recorded.converse(each, connector, case)


def test_a_full_read_is_whole_and_gives_every_record_with_its_key(told):
    _, each, said = told

    assert said["complete"]
    assert len(said["rows"]) > 5
    assert len({row[each.key] for row in said["rows"]}) == len(said["rows"])


def test_an_update_is_acknowledged_once_and_on_the_version_of_before_it_is_refused(told):
    assert [told[2][what] for what in ("updated", "stale")] == ["acknowledged", "moved"]


def test_what_was_created_is_found_by_its_hub_id(told):
    case, _, said = told
    state, record_id = said["created"]

    assert state == "acknowledged"
    assert record_id in said["found"][case.hub_id]
    assert "X-nobody" not in said["found"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.system)
def test_an_answer_that_breaks_off_is_no_short_read(case, monkeypatch):
    def broken(self, request):
        response = real(self, request)
        return recorded.answer(response.status_code, b"".join(response.stream)[:-40])

    real = Replayer.handle_request
    monkeypatch.setattr(Replayer, "handle_request", broken)
    pages = []
    with recorded.connected(case, case.url, case.secrets, Replayer(case.file)) as (each, connector), suppress(HubError):
        pages.extend(connector.read(each, None))

    assert not any(page.last for page in pages)
