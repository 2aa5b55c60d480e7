"""As of a day, as it was known at a moment: values, ties and rules, for any two times."""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from spoken import Firm

from assets import asof, rewind
from hub import store
from hub.errors import Refused
from reconcile import hub_ids

HUB = Path(sys.executable).parent / "hub"
JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 5))


def stamp(at):
    return at.isoformat()


def now():
    return datetime.now(UTC)


@pytest.fixture
def firm(tmp_path):
    found = Firm(tmp_path / "firm")
    yield found
    found.close()


def value(firm, hub_id, field, valid, known):
    found = asof.ask(firm.firm, hub_id, valid, known)
    return found.values.get(field, (None,))[0]


def test_a_correction_of_the_past_changes_what_we_know_of_it_now_and_not_what_we_knew(firm):
    firm.say("crm:accounts:A1", Register="R1", Web="old.example", Stamp=stamp(JANUARY))
    firm.turn()
    ((hub_id,),) = firm.golden("hub_id")
    before = now()
    firm.say("crm:accounts:A1", Web="new.example", Stamp=stamp(MARCH))
    firm.turn()

    assert value(firm, hub_id, "website", FEBRUARY, before) == "old.example"
    assert value(firm, hub_id, "website", APRIL, before) == "old.example"
    assert value(firm, hub_id, "website", FEBRUARY, now()) == "old.example"
    assert value(firm, hub_id, "website", APRIL, now()) == "new.example"


def test_of_records_without_a_stamp_the_time_of_reading_is_the_day(firm):
    firm.say("erp:customers:1", Register="R1", Name="Old Works", Stage="Client")
    firm.turn()
    ((hub_id,),) = firm.golden("hub_id")
    before = now()
    firm.say("erp:customers:1", Name="New Works")
    firm.turn()

    assert value(firm, hub_id, "legal_name", before, now()) == "Old Works"
    assert value(firm, hub_id, "legal_name", now(), now()) == "New Works"
    assert asof.ask(firm.firm, hub_id, MARCH, now()).unseen == ["erp:customers:1"]


def test_a_merge_and_a_pin_count_from_the_moment_they_were_known(firm):
    firm.say("crm:accounts:A1", Register="R1", Name="Example Works", Stamp=stamp(JANUARY))
    firm.say("erp:customers:1", Register="R2", Name="Sample Trading", Phone="+41 2")
    firm.turn()
    apart, ids = now(), dict(firm.rows("SELECT record_ref, hub_id FROM journal.crossref"))
    same = {"entity": "customer", "left_ref": "crm:accounts:A1", "right_ref": "erp:customers:1", "verdict": "same"}
    firm.note("match.decided", "customer", same)
    firm.note("value.pinned", "erp:customers:1", {"record_ref": "erp:customers:1", "column": "website", "value": "works.example"})
    firm.turn()
    (kept,) = {hub_id for (hub_id,) in firm.rows("SELECT hub_id FROM journal.crossref")}
    (lost,) = set(ids.values()) - {kept}

    then, today = asof.ask(firm.firm, lost, apart, apart), asof.ask(firm.firm, lost, now(), now())

    assert (then.now, then.records) == (lost, [ref for ref, hub_id in ids.items() if hub_id == lost])
    assert "website" not in then.values
    assert (today.now, today.records) == (kept, ["crm:accounts:A1", "erp:customers:1"])
    assert today.values["website"] == ("works.example", "pin", "pinned by steward")


def test_a_record_that_was_deleted_since_is_there_as_of_a_day_before(firm):
    firm.say("erp:customers:1", Register="R1", Name="Example Works")
    firm.say("crm:accounts:A1", Register="R1", Phone="+41 1", Stamp=stamp(JANUARY))
    firm.turn()
    ((hub_id,),), before = firm.golden("hub_id"), now()
    firm.forget("erp:customers:1")
    firm.turn()

    assert asof.ask(firm.firm, hub_id, before, now()).records == ["crm:accounts:A1", "erp:customers:1"]
    assert asof.ask(firm.firm, hub_id, now(), now()).records == ["crm:accounts:A1"]


def test_a_hub_id_that_was_not_issued_by_then_is_refused(firm):
    firm.say("erp:customers:1", Register="R1")
    before = now()
    firm.turn()
    ((hub_id,),) = firm.golden("hub_id")

    with pytest.raises(Refused, match="was not issued by"):
        asof.ask(firm.firm, hub_id, before, before)
    with pytest.raises(Refused, match="C-999999 was never issued"):
        asof.ask(firm.firm, "C-999999", now(), now())


def test_a_document_is_answered_with_the_hub_ids_of_what_it_refers_to(firm):
    firm.say("psa:projects:P1", Code="X-1", Name="Roof")
    firm.say("psa:projects:P2", Code="X-2", Name="Wall", Parent="P1")
    firm.turn()
    ids = dict(firm.rows("SELECT code, hub_id FROM golden.project"))

    found = asof.ask(firm.firm, ids["X-2"], now(), now())

    assert found.values["parent"] == (ids["X-1"], "psa:projects:P2", "owner")


def test_a_document_that_a_steward_said_to_be_one_with_another_is_one_from_when_it_was_known(firm):
    firm.say("psa:projects:P1", Code="X-1", Name="Roof")
    firm.say("erp:projects:7", Code="X-9", Name="Roof")
    firm.say("psa:projects:P2", Code="X-2", Name="Wall", Parent="P1")
    firm.turn()
    apart = now()
    before = dict(firm.rows("SELECT record_ref, hub_id FROM journal.crossref WHERE record_ref IN ('psa:projects:P1', 'erp:projects:7')"))
    same = {"entity": "project", "left_ref": "erp:projects:7", "right_ref": "psa:projects:P1", "verdict": "same"}
    firm.note("match.decided", "project", same)
    firm.turn()
    ids = dict(firm.rows("SELECT record_ref, hub_id FROM journal.crossref"))

    then, today = (asof.ask(firm.firm, ids["psa:projects:P1"], at, at) for at in (apart, now()))
    referring = asof.ask(firm.firm, ids["psa:projects:P2"], now(), now())

    assert today.records == ["erp:projects:7", "psa:projects:P1"]
    assert (len(then.records), then.unseen) == (1, [])
    assert referring.values["parent"][0] == ids["psa:projects:P1"] == ids["erp:projects:7"]
    with store.writing(firm.firm.hub_file) as connection:
        led = [hub_ids.resolve(connection, each, now()) for each in before.values()]
    assert {each.now for each in led} == {ids["psa:projects:P1"]}
    assert all(each.records == today.records for each in led)


def test_the_whole_hub_of_then_can_be_queried(firm, tmp_path):
    firm.say("crm:accounts:A1", Register="R1", Web="old.example", Stamp=stamp(JANUARY))
    firm.say("crm:accounts:A2", Register="R2", Web="other.example", Stamp=stamp(MARCH))
    firm.turn()

    built = rewind.build(firm.firm, tmp_path / "then", FEBRUARY, now())

    with store.connect(built.hub_file, read_only=True) as connection:
        ((hub_id, website),) = connection.execute("SELECT hub_id, website FROM golden.customer").fetchall()
        values = connection.execute(asof.FIELDS, ["customer", hub_id]).fetchall()
    assert website == "old.example"
    assert asof.ask(firm.firm, hub_id, FEBRUARY, now()).values == {field: tuple(rest) for field, *rest in values}
    with pytest.raises(Refused, match="is not empty"):
        rewind.build(firm.firm, tmp_path / "then", FEBRUARY, now())


def test_who_owned_a_field_then_decides_and_how_records_are_read_is_what_we_know(tmp_path):
    firm = Firm(tmp_path / "firm")
    firm.say("crm:accounts:A1", Register="R1", Web="crm.example", Stage="Client", Stamp=stamp(JANUARY))
    firm.say("erp:customers:1", Register="R1", Web="erp.example")
    firm.turn()
    ((hub_id,),), before = firm.golden("hub_id"), now()
    firm.change_rules("website: {owner: erp, else: [crm]}")
    firm.turn()

    assert firm.golden("website") == [("erp.example",)]
    assert value(firm, hub_id, "website", before, now()) == "crm.example"
    assert value(firm, hub_id, "website", now(), now()) == "erp.example"
    firm.close()


def test_the_command_tells_values_with_reasons_and_hides_what_is_sensitive(firm):
    firm.say("erp:customers:1", Register="R1", Name="Example Works", Stage="Client", Tax="CHE123")
    firm.turn()
    ((hub_id,),) = firm.golden("hub_id")

    def hub(*words):
        command = [HUB, "asof", *words, "--project", str(firm.firm.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "160"})

    said, told, wrong = hub(hub_id, "--json"), hub(hub_id), hub(hub_id, "--valid", "soon")

    found = json.loads(said.stdout)
    assert found["values"]["legal_name"]["value"] == "Example Works"
    assert found["values"]["legal_name"]["from"] == "erp:customers:1"
    assert "CHE123" not in said.stdout + told.stdout
    assert "Example Works" in told.stdout
    assert wrong.returncode == 1
    assert "--valid soon: is no day or moment" in wrong.stderr


REFS = ("crm:accounts:A1", "crm:accounts:A2", "erp:customers:1", "psa:clients:7")
EDITS = st.fixed_dictionaries(
    {"ref": st.sampled_from(REFS), "day": st.integers(1, 28)},
    optional={
        "Register": st.sampled_from(["R1", "R2"]),
        "Name": st.sampled_from(["Example Works", "Sample Trading"]),
        "Phone": st.sampled_from(["", "+41 1", "+41 2"]),
        "Web": st.sampled_from([None, "a.example", "b.example"]),
        "Stage": st.sampled_from(["Lead", "Client"]),
    },
)
PINS = st.builds(lambda ref, value: {"ref": ref, "pin": value}, st.sampled_from(REFS), st.sampled_from(["+41 8", "+41 9", None]))
WORDS = st.builds(
    lambda refs, verdict: {"pair": sorted(refs), "verdict": verdict},
    st.sets(st.sampled_from(REFS), min_size=2, max_size=2),
    st.sampled_from(["same", "different", "undone"]),
)
TURNS = st.lists(st.lists(EDITS | PINS | WORDS, min_size=1, max_size=5), min_size=2, max_size=3)


def do(firm, change):
    if "pair" in change:
        (left, right), verdict = change["pair"], change["verdict"]
        body = {"entity": "customer", "left_ref": left, "right_ref": right, "verdict": verdict}
        return firm.note("match.decided", "customer", body)
    ref = change["ref"]
    if "pin" in change:
        return firm.note("value.pinned", ref, {"record_ref": ref, "column": "phone", "value": change["pin"]})
    said = {
        name: value
        for name, value in change.items()
        if name not in ("ref", "day") and not (ref.startswith("psa") and name in ("Web", "Stage"))
    }
    return firm.say(ref, **said, **({"Stamp": f"2026-03-{change['day']:02}T00:00:00Z"} if ref.startswith("crm") else {}))


def whole(firm, folder, valid, known):
    built = rewind.build(firm.firm, folder, valid, known)
    with store.connect(built.hub_file, read_only=True) as connection:
        return connection.execute("SELECT * FROM golden.customer ORDER BY hub_id").fetchall()


@settings(max_examples=int(os.environ.get("CONCORD_EXAMPLES", "3")), deadline=None, suppress_health_check=list(HealthCheck))
@given(TURNS)
def test_what_the_hub_showed_at_a_moment_is_what_it_was_then_and_what_comes_later_never_changes_it(turns):
    with tempfile.TemporaryDirectory() as folder:
        firm, shown, past = Firm(Path(folder) / "firm"), [], datetime(2026, 3, 15, tzinfo=UTC)
        for number, changes in enumerate(turns):
            for change in changes:
                do(firm, change)
            firm.turn()
            shown.append((now(), firm.rows("SELECT * FROM golden.customer ORDER BY hub_id")))
            if number == 0:
                early = whole(firm, Path(folder) / "early", past, shown[0][0])

        for number, (then, golden) in enumerate(shown):
            assert whole(firm, Path(folder) / f"then{number}", then, then) == golden
        assert whole(firm, Path(folder) / "again", past, shown[0][0]) == early
        firm.close()
