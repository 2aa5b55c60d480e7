"""The hub is nothing but snapshots, journal and rules: deleted and built again, every table has the same content."""

from datetime import UTC, datetime, timedelta

import pytest
from played import Play

from assets import rebuild
from hub import journal, snapshot, store
from hub.errors import HubError, Refused
from reconcile import replay


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """A firm after five turns in which people edit and merge, stewards decide and change their minds, and answers are lost."""
    play = Play(tmp_path_factory.mktemp("firm"))
    play.turn()
    play.twin.people_edit(1)
    steward_decides(play)
    late = take_a_late_snapshot(play)
    lose_an_answer_and_let_a_person_be_first(play)
    play.twin.people_edit(2)
    steward_changes_her_mind(play)
    load_late(play, late)
    play.turn()
    play.twin.people_edit(3)
    replay.request(play.journal, "netsuite employee", "engineer")
    play.turn()
    play.turn()
    yield play
    play.close()


def steward_decides(play):
    pairs = play.rows("SELECT left_ref, right_ref FROM identity.customer_pair WHERE verdict = 'link' ORDER BY ALL LIMIT 2")
    for (left, right), verdict in zip(pairs, ("different", "same")):
        play.note("match.decided", "customer", {"entity": "customer", "left_ref": left, "right_ref": right, "verdict": verdict})
    play.note("value.pinned", pairs[1][0], {"record_ref": pairs[1][0], "column": "phone", "value": "+41445550000"})
    play.note("value.pinned", pairs[1][1], {"record_ref": pairs[1][1], "column": "phone", "value": "+41445550001"})
    waived = play.rows("SELECT id FROM discrepancy.found ORDER BY id LIMIT 2")
    for (key,) in waived:
        play.note("discrepancy.waived", key, {"reason": "known"})
    play.note("discrepancy.waived", waived[0][0], {"reason": None})


def steward_changes_her_mind(play):
    left, right = play.rows("SELECT left_ref, right_ref FROM journal.decision WHERE verdict = 'different'")[0]
    play.note("match.decided", "customer", {"entity": "customer", "left_ref": left, "right_ref": right, "verdict": "undone"})


def take_a_late_snapshot(play):
    """Taken now by a process that is slow to load it."""
    member = play.firm.systems["salesforce"]
    each, connector = member.system.objects["Account"], member.connect()
    manifest = snapshot.take(
        member.system, each, connector, play.firm.snapshots.parent / "elsewhere", at=datetime.now(UTC) - timedelta(milliseconds=1)
    )
    connector.close()
    return manifest


def load_late(play, manifest):
    target = play.firm.snapshots / manifest.id
    (play.firm.snapshots.parent / "elsewhere" / manifest.id).rename(target)


def lose_an_answer_and_let_a_person_be_first(play):
    play.observe()
    play.understand()
    lines = [
        line
        for line in play.plan().lines
        if (line.system, line.object, line.action) == ("salesforce", "Account", "update") and line.field == "legal_name"
    ]
    assert lines
    play.twin.simulators["salesforce"].tables["Account"].update(lines[0].record_id, {"Name": "Renamed By Hand"})
    play.twin.faults["netsuite"].add("cut_after", method="PATCH", path="/record/")
    play.push()


def test_every_table_of_a_rebuilt_hub_has_the_content_of_the_live_one(play):
    before = play.journal.head()

    tables = rebuild.verify(play.firm)

    assert [each for each in tables if not each.equal] == []
    assert {each.table for each in tables} >= {
        "capture.change",
        "journal.crossref",
        "identity.customer_pair",
        "golden.customer",
        "discrepancy.found",
        "outbound.delta",
        "mart.discrepancy",
        "work.plan_line",
    }
    assert play.journal.head() == before
    assert not list(play.firm.state.glob(".verify-*"))


def test_what_was_played_left_traces_of_every_kind(play):
    kinds = {kind for (kind,) in play.rows("SELECT DISTINCT kind FROM journal.event")}
    changes = {kind for (kind,) in play.rows("SELECT DISTINCT kind FROM capture.change")}

    assert kinds >= {
        "hub_ids.assigned",
        "match.decided",
        "value.pinned",
        "discrepancy.waived",
        "push.outcome",
        "exception.opened",
        "replay.requested",
        "cases.closed",
    }
    assert changes >= {"insert", "update", "delete"}
    assert play.rows("SELECT count(*) FROM capture.snapshot WHERE kind = 'replay'")[0][0] == 1
    assert play.rows("SELECT count(*) FROM journal.exception WHERE kind = 'refused'")[0][0] >= 1
    assert play.rows("SELECT count(*) > count(DISTINCT record_ref) FROM journal.former")[0][0]


def test_a_row_that_is_not_what_it_was_is_found(play, tmp_path):
    copied = tmp_path / "hub.duckdb"
    copied.write_bytes(play.firm.hub_file.read_bytes())
    with store.connect(copied) as connection:
        before = rebuild.hashes(connection)
        connection.execute("UPDATE capture.snapshot SET row_count = row_count + 1 WHERE id = (SELECT min(id) FROM capture.snapshot)")
        after = rebuild.hashes(connection)

    assert [table for table in before if before[table] != after[table]] == ["capture.snapshot"]


def test_a_hub_that_has_read_what_its_models_have_not_seen_is_not_compared(play):
    play.note("value.pinned", "netsuite:customer:1001", {"record_ref": "netsuite:customer:1001", "column": "phone", "value": None})
    play.observe()

    with pytest.raises(Refused, match="its models have not seen"):
        rebuild.verify(play.firm)
    play.understand()


def test_a_damaged_snapshot_stops_the_rebuild(play, tmp_path):
    manifest = snapshot.all_manifests(play.firm.snapshots)[0]
    rows = play.firm.snapshots / manifest.id / "rows.parquet"
    sound = rows.read_bytes()
    rows.write_bytes(sound[:-9] + b"x" + sound[-8:])
    try:
        with pytest.raises(HubError, match="is not what was sealed"):
            rebuild.rebuild(play.firm, tmp_path / "built")
    finally:
        rows.write_bytes(sound)


def test_a_rebuild_goes_only_into_an_empty_folder(play, tmp_path):
    (tmp_path / "something").touch()

    with pytest.raises(Refused, match="is not empty"):
        rebuild.rebuild(play.firm, tmp_path)


def test_a_copy_of_the_journal_may_end_at_an_event(play, tmp_path):
    with journal.open(tmp_path / "journal.sqlite") as copied:
        head = journal.copy(play.journal, copied, 5)

        assert head[0] == 5
        assert copied.verify() is None
