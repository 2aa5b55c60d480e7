"""`hub decide`, as a steward types it: what it prints, what it journals, and how it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_firm import Small

from assets import publishing

A, B, C = "crm:Account:1", "crm:Account:2", "erp:Customer:7"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    made = Small(tmp_path_factory.mktemp("small"))
    made.say(A, Name="Brindle Works GmbH", Website="brindle.example")
    made.say(B, Name="Tarnfield Ltd", Website="tarnfield.example")
    made.say(C, Name="Brindle Works", Website="brindle.example")
    made.turn()
    publishing.publish(made.firm, made.journal)
    return made


def decide(small, *words, code=0):
    """What the command printed, read as JSON; its error, when it is to fail."""
    command = [Path(sys.executable).parent / "hub", "decide", *words, "--project", str(small.firm.folder)]
    command += ["--json"] + ([] if words[0] == "list" else ["--actor", "Ann"])
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "300"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else json.loads(done.stdout)


def test_a_steward_merges_pins_lists_and_takes_back(small):
    merged = decide(small, "merge", "C-000001", "C-000002", "--reason", "one owner")
    pinned = decide(small, "pin", "C-000001", "phone=0049 30 1234567", "--reason", "she told me", "--until", "2199-12-31")

    listed = decide(small, "list")

    assert [(row["decision"], row["command"], row["state"], row["reason"], row["actor"]) for row in listed] == [
        (pinned["decision"], "pin", "until 2199-12-31", "she told me", "Ann"),
        (merged["decision"], "merge", "stands", "one owner", "Ann"),
    ]
    assert (merged["count"], listed[0]["said"]) == (2, f"phone of {A} is +49301234567")
    assert [decide(small, "undo")["decision"] for _ in range(2)] == [pinned["decision"], merged["decision"]]
    assert decide(small, "list") == []


def test_what_can_not_be_said_is_one_sentence_with_the_way_out(small):
    first = decide(small, "same", A, B)

    said = decide(small, "split", "C-000001", "--out", "erp Customer 7")
    wrong = decide(small, "same", B, C, code=1)

    assert f"`hub decide undo {first['decision']}`" in wrong and f"`hub decide undo {said['decision']}`" in wrong
    assert "Traceback" not in wrong
    assert "is no FIELD=VALUE" in decide(small, "pin", "C-000001", "phone", "--reason", "x", code=1)
