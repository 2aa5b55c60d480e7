"""The simulation in its deterministic form: many seeds, each a story of faults, people, two workers and death, told again to the byte."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def played(*arguments: str) -> subprocess.CompletedProcess:
    """The seeds run in a process of their own: they take over its clock, its network and its disk."""
    command = [sys.executable, "-m", "tests.simulation.run", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def test_every_promise_holds_in_every_seed_and_in_those_that_ever_failed():
    count = os.environ.get("CONCORD_SEEDS", "200" if "CI" in os.environ else "2000")

    done = played("--count", count, "--jobs", "2", "--known")

    assert done.returncode == 0, (done.stdout + done.stderr)[-9000:]


def test_the_same_seed_tells_the_same_story_to_the_byte():
    first, second = (played("3", "18", "106") for _ in range(2))

    assert first.stdout == second.stdout
    assert first.stdout.count("digest") == 3
