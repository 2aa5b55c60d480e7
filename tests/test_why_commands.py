"""`hub explain` on the command line: in words, and as JSON with the keys that docs/explain.md promises."""

import json
import re
from pathlib import Path

import pytest
from played import Play
from typer.testing import CliRunner

from assets import correct, publishing
from assets.cli import app

PAGE = (Path(__file__).parent.parent / "docs" / "explain.md").read_text()


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.observe()
    play.understand()
    correct.make_plan(play.firm, play.journal)
    publishing.publish(play.firm, play.journal)
    yield play
    play.close()


def said(play, *words):
    done = CliRunner().invoke(app, ["explain", *words, "--project", str(play.firm.folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def questions(play):
    left, right = play.rows("SELECT left_ref, right_ref FROM identity.customer_pair ORDER BY 1, 2 LIMIT 1")[0]
    hub_id = play.rows("SELECT hub_id FROM golden.customer WHERE record_count > 1 ORDER BY 1 LIMIT 1")[0][0]
    line = play.rows("SELECT line_id FROM work.plan_line WHERE action = 'update' ORDER BY 1 LIMIT 1")[0][0]
    return {"match": (left, right), "value": (hub_id, "legal_name"), "write": (line,)}


@pytest.mark.parametrize(("question", "heading"), [("match", "A match"), ("value", "A golden value"), ("write", "A planned write")])
def test_the_keys_of_json_are_those_that_the_page_promises(play, question, heading):
    chapter = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    promised = {
        key
        for cells in re.findall(r"^\| (`[^|]+) \|", chapter.split("| key | |")[1], re.MULTILINE)
        for key in re.findall(r"`(\w+)`", cells)
    }

    found = json.loads(said(play, question, *questions(play)[question], "--json"))

    assert (found["question"], set(found)) == (question, promised)
    assert all(flip["says"].startswith("if ") for flip in (*found["flips"], *found.get("decisions", [])))


@pytest.mark.parametrize(
    ("question", "told"), [("match", "start"), ("value", "what would make another value win"), ("write", "what would change it")]
)
def test_in_words_the_answer_says_what_is_so_and_what_would_change_it(play, question, told):
    assert told in said(play, question, *questions(play)[question])


def test_a_record_is_traced_as_by_hub_trace(play):
    ref = play.rows("SELECT min(record_ref) FROM canonical.customer")[0][0]

    traced = CliRunner().invoke(app, ["trace", *ref.split(":", 2), "--project", str(play.firm.folder)]).stdout

    assert said(play, "record", *ref.split(":", 2)) == traced
