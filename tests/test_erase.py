"""A person is forgotten: no snapshot, table, journal or copy of the hub holds what they were called, and everything else stands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from played import Play

from assets import erase, publishing, rebuild
from hub import journal_export, journal_values, snapshot, store, verify_journal
from hub.errors import Refused

TITLE, PHONE = "Vorsitzende des Beispielbeirats", "+49307654321"
REASON = "asked for on 21 November"


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """A firm after turns in which a contact got another title, and a steward pinned a phone that the hub wrote everywhere."""
    play = Play(tmp_path_factory.mktemp("firm"))
    play.turn()
    play.turn()
    play.hub_id, play.ref, *play.words = play.rows("""
      SELECT hub_id, min(x.record_ref) FILTER (starts_with(x.record_ref, 'salesforce')), any_value(g.full_name), any_value(g.email)
      FROM journal.crossref AS x JOIN golden.contact AS g USING (hub_id)
      GROUP BY hub_id HAVING count(*) = 2 AND any_value(g.email) IS NOT NULL ORDER BY hub_id LIMIT 1""")[0]
    play.words += [TITLE, PHONE]
    play.twin.simulators["salesforce"].tables["Contact"].update(play.ref.split(":")[2], {"Title": TITLE})
    pin = {"entity": "contact", "record_ref": play.ref, "column": "phone", "value": PHONE, "reason": f"{play.words[0]} called"}
    play.note("value.pinned", play.ref, pin)
    for _ in range(3):
        play.turn()
    publishing.publish(play.firm, play.journal)
    publishing.publish(play.firm, play.journal)
    yield play
    play.close()


def holding(folder: Path, words: list[str]) -> set[str]:
    """The files below a folder that hold a word, read as what they are."""
    found = set()
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            if file.suffix == ".parquet":
                said = str(duckdb.execute(f"SELECT * FROM read_parquet('{file}')").fetchall())
            elif file.suffix == ".duckdb" and file.name == "hub.duckdb":
                with store.connect(file, read_only=True) as connection:
                    tables = connection.execute(
                        "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
                    ).fetchall()
                    said = "".join(str(connection.execute('SELECT * FROM "{}"."{}"."{}"'.format(*each)).fetchall()) for each in tables)
                said += file.read_bytes().decode("latin-1")
            else:
                said = file.read_bytes().decode("latin-1")
            if any(word in said for word in words):
                found.add(str(file.relative_to(folder)))
    return found


def killed(*_):
    raise KeyboardInterrupt


def test_what_is_held_is_told_first_and_nothing_changes(play):
    held = erase.find(play.firm, play.journal, play.hub_id)

    assert play.ref in held.person.refs
    assert len(held.snapshots) >= 2 and held.tables and len(held.journal) >= 2 and held.cuts == 2
    assert any("is still there: erase it in salesforce first" in each for each in held.outside)
    assert erase.find(play.firm, play.journal, play.ref) == held
    told = hub(play, play.ref, code=3)
    assert (told["who"], told["cuts"], told["erased"]) == (play.hub_id, "2 copies of the hub", False)
    assert "say why with --reason" in hub(play, play.ref, "--yes", code=1)
    assert "is no hub id and no record that the hub knows" in hub(play, "crm:none:1", code=1)
    assert erase.find(play.firm, play.journal, play.ref) == held


def hub(play, *words, code):
    """What `hub erase` printed, read as JSON; its error, when it is to fail."""
    command = [Path(sys.executable).parent / "hub", "erase", *words, "--project", str(play.firm.folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "300"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code == 1 else json.loads(done.stdout)


def test_a_pin_is_told_with_its_value_until_it_is_erased(play):
    [(pinned,)] = play.rows("SELECT value FROM journal.pin WHERE record_ref = ?", play.ref)

    assert pinned == PHONE


def test_what_was_erased_is_nowhere_any_more_and_what_is_left_verifies_and_can_be_built_again(play, tmp_path, monkeypatch):
    before = dict(play.rows("SELECT record_ref, hub_id FROM journal.crossref"))
    others = "SELECT count(*), sum(hash(c)::HUGEINT) FROM golden.contact AS c WHERE hub_id <> ?"
    people, head = play.rows(others, play.hub_id), play.journal.head()
    assert len(holding(play.firm.state, play.words)) > 4

    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(rebuild, "fill", killed)  # in the middle of it
        erase.erase(play.firm, play.journal, erase.find(play.firm, play.journal, play.hub_id), REASON, "dpo")
    erase.erase(play.firm, play.journal, erase.find(play.firm, play.journal, play.hub_id), REASON, "dpo")

    assert holding(play.firm.state, play.words) == set()
    assert dict(play.rows("SELECT record_ref, hub_id FROM journal.crossref")) == before
    assert play.rows("SELECT full_name, email, phone FROM golden.contact WHERE hub_id = ?", play.hub_id) == [(None, None, None)]
    assert play.rows(others, play.hub_id) == people
    assert list(play.journal.findings(head)) == []
    journal_export.write(play.journal, tmp_path / "journal.ndjson")
    assert list(verify_journal.findings(verify_journal.reader(tmp_path / "journal.ndjson"), head)) == []
    assert list(verify_journal.findings(verify_journal.reader(play.firm.journal), head)) == []
    assert [each.table for each in rebuild.verify(play.firm) if not each.equal] == []
    left = erase.find(play.firm, play.journal, play.hub_id)
    assert (left.snapshots, left.tables, left.journal, left.cuts) == ({}, {}, [], 1)


def test_the_journal_says_who_erased_what_and_why(play):
    told, _ = play.journal.events(kinds={"values.erased"})  # the second finished what the first began

    assert (told.subject, told.actor, told.body["because"]) == (play.hub_id, "dpo", REASON)
    assert play.ref in told.body["records"] and len(told.body["digests"]) >= 2 and len(told.body["snapshots"]) >= 2
    assert [each.body["value"] for each in play.journal.events(kinds={"value.pinned"})] == ["(erased)"]


def test_every_snapshot_is_whole(play):
    assert [each.id for each in snapshot.all_manifests(play.firm.snapshots) if not snapshot.is_whole(play.firm.snapshots / each.id)] == []


def test_the_loop_goes_on_and_sends_nothing_of_it(play):
    asked = play.journal.head()[0]

    play.observe()
    play.understand()
    made = play.plan()

    assert [line for line in made.lines if line.hub_id == play.hub_id] == []
    assert play.rows("SELECT count(*) FROM journal.event WHERE seq > ? AND kind = 'hub_ids.assigned'", asked) == [(0,)]


def test_what_an_earlier_version_recorded_in_a_body_is_found_and_sends_to_reseal(play, monkeypatch):
    hub_id, ref = play.rows(
        "SELECT hub_id, min(record_ref) FROM journal.crossref WHERE entity = 'contact' AND hub_id <> ? GROUP BY 1 ORDER BY 1", play.hub_id
    )[0]
    with monkeypatch.context() as earlier:
        earlier.setattr(journal_values, "put_away", lambda plain, *_: plain)
        play.note("discrepancy.waived", "D1", {"reason": "as she said", "record_ref": ref})

    held = erase.find(play.firm, play.journal, hub_id)

    assert held.in_clear == [play.journal.head()[0]]
    with pytest.raises(Refused, match="hub journal reseal"):
        erase.erase(play.firm, play.journal, held, REASON, "dpo")
