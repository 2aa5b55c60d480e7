"""The real process, killed with a real SIGKILL at points of input and output, against a real Tryton and a real Redmine: at six, or at CONCORD_DEATHS."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import turning

ROOT = Path(__file__).parent.parent.parent
ONE_TURN = ROOT / "tests" / "simulation" / "one_turn.py"
DEATHS = int(os.environ.get("CONCORD_DEATHS", "6"))
# Of 120 points, before and after requests and journal entries; each process comes as far as the dead ones before it let it.
POINTS = range(3, 123, 120 // DEATHS)
pytestmark = pytest.mark.live


def test_some_deaths_later_everything_is_there_once_and_a_quiet_turn_writes_nothing(tmp_path, running_tryton, running_redmine):
    with turning.over(tmp_path, running_tryton, running_redmine) as hub:
        ended = Counter(killed_at(tmp_path, point) for point in POINTS)
        for _ in range(3):
            hub.observe()
            hub.understand()
            hub.approve(hub.plan())
            hub.push()
        hub.forget()
        hub.observe()
        hub.understand()
        made = hub.plan()
        pushed = hub.push()

        assert ended[-signal.SIGKILL] > DEATHS / 2  # the others had fewer points left than that
        assert [line for line in made.lines if line.status != "held"] == []
        assert set(map(len, pushed.values())) == {0}
        assert hub.writes() == []
        assert twice(hub, "party.identifier", "code", [("code", "like", "concord:%")]) == []
        assert hub.rows("SELECT push_id FROM journal.push WHERE state IN ('intended', 'in_doubt', 'acknowledged')") == []
        assert hub.journal.verify() is None


def killed_at(project: Path, point: int) -> int:
    """Let a process turn the loop until it is killed at this point; returns how it ended."""
    command = [sys.executable, str(ONE_TURN), str(project), str(point)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False).returncode


def twice(hub: turning.Hub, model: str, field: str, domain: list) -> list[str]:
    """The values that more than one record carries."""
    return [value for value, count in Counter(row[field] for row in hub.tryton.rows(model, domain, [field])).items() if count > 1]
