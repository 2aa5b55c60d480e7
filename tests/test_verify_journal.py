"""A journal can be checked by anybody: one changed byte is found and named, in an export and in a SQLite file, with Python alone."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from postgres import postgres  # noqa: F401

from hub import journal, journal_export, new_firm, verify_journal
from hub.journal import Event

PROGRAM = Path(verify_journal.__file__)
TEXTS = ("actor", "kind", "subject", "body", "hash")
EVENTS = [
    Event("plan.sealed", "b7", {"lines": [{"line_id": "L1", "base": '{"phone":"+49 1"}', "want": '{"phone":"+49 2"}'}]}),
    Event("match.decided", "b7", {"lines": ["L1"]}, "anna größe"),
    Event("push.noted", "P-1", {"push_id": "P-1", "fields": {"phone": {"base": "x", "want": 'a "quote" and \\"~\\":["'}}}),
    Event("push.outcome", "P-1", {"state": "rejected", "message": "no such phone"}),
    Event("note", "", {}),
]
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["sqlite", "postgresql"])
def exported(request, tmp_path):
    """The export of a journal of five events."""
    place = tmp_path / "journal.sqlite"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS exported CASCADE; CREATE SCHEMA exported")
        place = f"{server}?options=-csearch_path%3Dexported"
    with journal.open(place) as log:
        log.append([Event(each.kind, each.subject, each.body, each.actor, datetime(2026, 11, 21, 9, 30)) for each in EVENTS])
        journal_export.write(log, tmp_path / "journal.ndjson")
    return tmp_path / "journal.ndjson"


@pytest.fixture
def kept(tmp_path):
    """A closed SQLite journal of the same events, without the triggers that would stop a forger."""
    file = tmp_path / "kept.sqlite"
    with journal.open(file) as log:
        log.append(EVENTS)
    with closing(sqlite3.connect(file)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.commit()
    return file


def found(file, head=None):
    return list(verify_journal.findings(verify_journal.reader(file), head))


def test_an_export_holds_one_event_a_line_as_it_is_stored_and_then_the_head(exported):
    lines = [json.loads(line) for line in exported.read_text().splitlines()]

    assert [line["seq"] for line in lines[:-1]] == [1, 2, 3, 4, 5]
    assert lines[-1] == {"head": [5, lines[4]["hash"]]}
    assert lines[1] == {
        "seq": 2, "at_us": 1795253400000000, "actor": "anna größe", "kind": "match.decided", "subject": "b7",
        "body": '{"lines":["L1"]}', "hash": lines[1]["hash"], "kept": {},
    }  # fmt: skip
    assert found(exported) == []


def test_the_program_runs_alone_and_says_what_it_found(exported, kept):
    alone = exported.with_name("alone")
    alone.mkdir()
    program = shutil.copyfile(PROGRAM, alone / "verify_journal.py")
    run = lambda *words: subprocess.run(  # -I: nothing of ours can be imported, -S: nothing that was installed either
        [sys.executable, "-I", "-S", program, *map(str, words)], capture_output=True, text=True, check=False, cwd=alone
    )
    seq, link = json.loads(exported.read_text().splitlines()[-1])["head"]

    assert (run(exported, "--head", f"{seq}:{link}").stdout, run(kept).stdout) == ("every event is as it was recorded\n",) * 2
    forged = run(exported, "--head", f"{seq}:{link[::-1]}")

    assert forged.returncode == 1
    assert forged.stdout.startswith("event 5 (note , 2026-11-21 09:30:00+00:00): its hash is not the one that was written down")


@many
@given(data=st.data())
def test_any_flipped_byte_of_an_export_is_found_and_its_event_is_named(exported, data):
    lines = exported.read_bytes().splitlines(keepends=True)
    number = data.draw(st.integers(0, len(lines) - 1))
    position = data.draw(st.integers(0, len(lines[number]) - 1))
    line = bytearray(lines[number])
    line[position] ^= data.draw(st.integers(1, 255))
    forged = exported.with_name("forged.ndjson")
    forged.write_bytes(b"".join([*lines[:number], bytes(line), *lines[number + 1 :]]))

    _, sentence = found(forged)[0]

    assert f"event {number + 1}" in sentence or number == len(lines) - 1


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("column", [*TEXTS, "at_us"])
def test_any_flipped_byte_of_a_column_of_a_sqlite_file_is_found_and_its_event_is_named(kept, seq, column):
    kind = "INTEGER" if column == "at_us" else "TEXT"
    with closing(sqlite3.connect(kept)) as connection:
        value = connection.execute(f"SELECT CAST({column} AS BLOB) FROM event WHERE seq = ?", [seq]).fetchone()[0]
        for position in range(len(value)):
            flipped = bytearray(value)
            flipped[position] ^= 1
            connection.execute(f"UPDATE event SET {column} = CAST(? AS {kind}) WHERE seq = ?", [bytes(flipped), seq])
            connection.commit()

            assert {each for each, _ in found(kept)} == {seq}, position
        connection.execute(f"UPDATE event SET {column} = CAST(? AS {kind}) WHERE seq = ?", [value, seq])
        connection.commit()
    assert found(kept) == []


@pytest.mark.parametrize("column", ["digest", "salt", "said"])
def test_a_changed_value_beside_an_event_is_found(kept, column):
    with closing(sqlite3.connect(kept)) as connection:
        connection.execute(f"UPDATE kept SET {column} = replace({column}, substr({column}, 3, 1), '#') WHERE seq = 4")
        connection.commit()

    assert {seq for seq, _ in found(kept)} == {4}


TAMPERING = {
    "dropped": lambda lines: [*lines[:2], *lines[3:]],
    "doubled": lambda lines: [*lines[:3], *lines[2:]],
    "swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "the last one dropped": lambda lines: [*lines[:4], lines[5]],
    "the last one swapped": lambda lines: [*lines[:3], lines[4], lines[3], lines[5]],
    "no head": lambda lines: lines[:-1],
}
SENTENCES = {
    "dropped": "event 3 is not where it belongs; event 4 (push.outcome P-1, 2026-11-21 09:30:00+00:00) stands there",
    "doubled": "event 4 is not where it belongs; event 3 (push.noted P-1, 2026-11-21 09:30:00+00:00) stands there",
    "swapped": "event 3 is not where it belongs; event 4 (push.outcome P-1, 2026-11-21 09:30:00+00:00) stands there",
    "the last one dropped": "line 5 says that the last event is 5, and the line before it is event 4",
    "the last one swapped": "event 4 is not where it belongs; event 5 (note , 2026-11-21 09:30:00+00:00) stands there",
    "no head": "the export ends with line 5, and its last line should name the head: its end was cut off",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_events_that_were_dropped_doubled_or_swapped_are_named(exported, how):
    lines = exported.read_text().splitlines(keepends=True)
    exported.write_text("".join(TAMPERING[how](lines)))

    assert found(exported)[0][1] == SENTENCES[how]


def test_an_end_that_was_cut_off_cleanly_is_found_by_the_head_that_was_written_down(exported, kept):
    *lines, head = exported.read_text().splitlines(keepends=True)
    seq, link = json.loads(head)["head"]
    exported.write_text("".join(lines[:3]) + verify_journal.text({"head": [3, json.loads(lines[2])["hash"]]}) + "\n")
    with closing(sqlite3.connect(kept)) as connection:
        connection.execute("DELETE FROM event WHERE seq > 3")
        connection.execute("DELETE FROM kept WHERE seq > 3")
        connection.commit()

    assert (found(exported), found(kept)) == ([], [])
    for file in (exported, kept):
        assert found(file, (seq, link)) == [(5, "event 5, whose hash was written down, is not there; the journal ends with event 3")]


def test_a_journal_that_was_made_anew_is_found_by_the_head_that_was_written_down(kept, tmp_path):
    with journal.open(kept) as log:
        head = log.head()
    with journal.open(tmp_path / "anew.sqlite") as log:
        log.append([*EVENTS[:4], Event("note", "another", {})])

    assert [seq for seq, _ in found(tmp_path / "anew.sqlite", head)] == [5]


def test_a_journal_of_an_earlier_version_verifies_as_it_always_did_and_goes_on(tmp_path):
    file = tmp_path / "old.sqlite"
    body = '{"lines":[{"base":"x","line_id":"L1"}]}'
    old = {"seq": 1, "at_us": 0, "actor": "hub", "kind": "plan.sealed", "subject": "b7", "body": body}
    old["hash"] = verify_journal.link(verify_journal.BEFORE_ALL, old)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE TABLE event (seq INTEGER PRIMARY KEY, at_us BIGINT, actor TEXT, kind TEXT, subject TEXT, body TEXT, hash TEXT)"
        )
        connection.execute("INSERT INTO event VALUES (:seq, :at_us, :actor, :kind, :subject, :body, :hash)", old)
        connection.commit()

    assert found(file) == []
    with journal.open(file) as log:
        log.append([EVENTS[3]])

        assert [each.body for each in log.events()] == [json.loads(body), EVENTS[3].body]
        assert log.verify() is None
    assert found(file) == []


def test_on_the_command_line_a_firm_exports_its_journal_and_checks_it(tmp_path):
    firm = new_firm.write_new(tmp_path / "firm", "Example").parent
    with journal.open(firm / "state" / "journal.sqlite") as log:
        log.append(EVENTS)
    hub = lambda *words: subprocess.run(
        [Path(sys.executable).parent / "hub", "journal", *map(str, words), "--project", str(firm)],
        capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "300"},
    )  # fmt: skip

    exported = json.loads(hub("export", "--out", tmp_path / "j.ndjson", "--json").stdout)
    (tmp_path / "j.ndjson").write_bytes((tmp_path / "j.ndjson").read_bytes().replace(b"anna", b"emma"))
    forged = hub("verify", tmp_path / "j.ndjson", "--head", exported["head"], "--json")

    assert (hub("verify").returncode, hub("verify", "--head", exported["head"]).stdout) == (0, "every event is as it was recorded\n")
    assert (forged.returncode, [each["seq"] for each in json.loads(forged.stdout)]) == (1, [2])
    assert "write number and hash" in hub("verify", "--head", "5").stderr
