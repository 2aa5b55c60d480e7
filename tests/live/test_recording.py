"""Keeps conversations with the real servers, and tells when the kept ones are no longer what they say."""

import json

import pytest

from tests import recorded

pytestmark = pytest.mark.live


@pytest.mark.parametrize("case", recorded.CASES, ids=lambda case: case.system)
def test_the_recorded_conversation_is_what_the_server_says_today(case, request):
    server, transport = request.getfixturevalue(case.system), recorded.Recorder()

    with recorded.connected(case, server.url, server.secrets, transport) as (each, connector):
        told = recorded.converse(each, connector, case)

    if recorded.RECORDING:
        case.file.parent.mkdir(exist_ok=True)
        case.file.write_text("[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in transport.said) + "\n]\n")
    assert [told[what] for what in ("updated", "stale")] == ["acknowledged", "moved"]
    kept = json.loads(case.file.read_text())
    assert [(each["method"], each["path"], each["status"], shape(each["answer"])) for each in transport.said] == [
        (each["method"], each["path"], each["status"], shape(each["answer"])) for each in kept
    ]


def shape(answer):
    """The kinds of values by name: ids and times differ from one server to the next."""
    if isinstance(answer, dict):
        return {name: shape(each) for name, each in answer.items()}
    if isinstance(answer, list):
        return [shape(each) for each in answer]
    return None if answer is None else type(answer).__name__
