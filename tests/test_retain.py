"""What is older than a firm wants to keep is forgotten, and all that is so today stays and can be built again."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_firm import Small
from unguarded import unguarded

from assets import publishing, rebuild, retain
from hub import changes, snapshot
from hub.errors import HubError
from hub.firm_settings import Retention
from hub.journal import Event

LATER = datetime.now(UTC) + timedelta(days=10)
PRESENT = ("canonical.customer", "golden.customer", "golden.cell", "discrepancy.found", "outbound.delta", "identity.customer")


@pytest.fixture
def small(tmp_path):
    """A firm of several turns: a value was changed and changed back, one was cleared, a record was deleted, one merged, one is broken."""
    made = Small(tmp_path / "firm")
    made.firm = replace(made.firm, retention=Retention(snapshots=5, values=5, cuts=5))
    made.say("crm:Account:1", Name="Brindle Works GmbH", Website="brindle.example", Phone="+49301234567")
    made.say("crm:Account:2", Name="Tarnfield Ltd", Industry="mining")
    made.say("crm:Account:3", Name="Tarnfield Limited")
    made.say("erp:Customer:7", Name="Brindle Works", Website="brindle.example")
    made.say("erp:Invoice:1", Number="I-1", Amount="12.50", Currency="EUR", Customer="7")
    made.turn()
    made.say("crm:Account:1", Phone=None)
    made.say("crm:Account:2", Gone=True)
    made.say("erp:Invoice:2", Number="I-2", Amount="none", Currency="EUR", Customer="7")
    made.turn()
    made.say("crm:Account:3", Into="1")
    made.say("erp:Customer:7", Name="Brindle Works SE")
    made.turn()
    publishing.publish(made.firm, made.journal)
    return made


def present(small):
    return {table: small.hub(f"SELECT * FROM {table} ORDER BY ALL") for table in PRESENT} | {
        "quarantine": small.hub("SELECT system, object, record_id, reason, raw, quarantined_at FROM capture.quarantine ORDER BY ALL")
    }


def forget(small):
    retain.apply(small.firm, small.journal, retain.find(small.firm, small.journal, LATER), "engineer")


def test_the_old_snapshots_of_an_object_become_one_and_the_present_is_as_it_was(small):
    before, ids = present(small), {each.id for each in snapshot.all_manifests(small.firm.snapshots)}

    forget(small)

    left = snapshot.all_manifests(small.firm.snapshots)
    assert {(each.system, each.object, each.kind) for each in left} == {
        ("crm", "Account", changes.BASELINE), ("erp", "Customer", changes.BASELINE), ("erp", "Invoice", changes.BASELINE)
    }  # fmt: skip
    assert present(small) == before
    assert [each.table for each in rebuild.verify(small.firm) if not each.equal] == []
    [told] = small.journal.events(kinds={"values.erased"})
    assert (told.subject, told.actor, set(told.body["snapshots"])) == ("retention", "engineer", ids)


def test_after_it_the_hub_reads_on_from_where_it_was_and_may_forget_again(small):
    forget(small)
    small.say("crm:Account:1", Phone="+49309999999")
    small.say("erp:Invoice:2", Amount="7.00")

    small.turn()
    publishing.publish(small.firm, small.journal)
    forget(small)

    assert small.golden(columns="phone")["C-000001"] == "+49309999999"
    assert small.hub("SELECT count(*) FROM golden.invoice") == [(2,)]
    assert small.hub("SELECT count(*) FROM capture.quarantine") == [(0,)]
    assert [each.table for each in rebuild.verify(small.firm) if not each.equal] == []


def test_a_snapshot_younger_than_that_stays(small):
    ids = {each.id for each in snapshot.all_manifests(small.firm.snapshots)}

    due = retain.find(small.firm, small.journal, datetime.now(UTC))
    retain.apply(small.firm, small.journal, due, "engineer")

    assert due == retain.Due([], [], [])
    assert {each.id for each in snapshot.all_manifests(small.firm.snapshots)} == ids


def test_values_of_what_is_over_are_forgotten_and_those_of_what_is_open_stay(small):
    push = lambda name: Event("push.intended", name, {"push_id": name, "lines": [f"L-{name}"], "fields": {"phone": {"want": name}}})
    with unguarded():
        small.journal.append([
            push("P-over"), push("P-open"),  # one row of the journal, and so are their outcomes
            Event("push.outcome", "P-over", {"state": "confirmed", "message": "over"}), Event("push.outcome", "P-open", {"state": "acknowledged", "message": "open"}),
            Event("exception.opened", "refused:a", {"kind": "refused", "about": "a", "message": "over"}), Event("exception.closed", "refused:a", {}),
            Event("exception.opened", "refused:b", {"kind": "refused", "about": "b", "message": "open"}),
            Event("value.pinned", "crm:Account:1", {"entity": "customer", "record_ref": "crm:Account:1", "column": "phone", "value": "+49301111111"}),
        ])  # fmt: skip
    small.turn()
    publishing.publish(small.firm, small.journal)

    forget(small)

    said = [
        (each.kind, each.subject, each.body.get("message") or each.body["fields"]["phone"]["want"])
        for each in small.journal.events(kinds={"push.intended", "push.outcome", "exception.opened"})
        if not each.subject.startswith("quarantine")
    ]
    assert said == [
        ("push.intended", "P-over", "(erased)"), ("push.intended", "P-open", "P-open"),
        ("push.outcome", "P-over", "(erased)"), ("push.outcome", "P-open", "open"),
        ("exception.opened", "refused:a", "(erased)"), ("exception.opened", "refused:b", "open"),
    ]  # fmt: skip
    assert small.golden(columns="phone")["C-000001"] == "+49301111111"
    assert small.journal.verify() is None
    assert [each.table for each in rebuild.verify(small.firm) if not each.equal] == []


def test_nothing_is_removed_when_the_present_would_be_another(small):
    [(table,)] = small.hub(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE starts_with(table_name, 'golden__customer__')"
    )
    small.hub(f"UPDATE {table} SET legal_name = 'by hand'")
    ids = {each.id for each in snapshot.all_manifests(small.firm.snapshots)}

    with pytest.raises(HubError, match="golden.customer would be another; nothing was removed"):
        forget(small)

    assert {each.id for each in snapshot.all_manifests(small.firm.snapshots)} == ids


def test_old_cuts_go_and_the_newest_stays(small):
    small.firm = replace(small.firm, retention=Retention(cuts=5))
    newest = publishing.publish(small.firm, small.journal).parent

    forget(small)

    assert [each for each in small.firm.cuts.iterdir() if not each.is_symlink()] == [newest]


def test_on_the_command_line_retention_is_told_and_asked_for(small):
    def hub(*words, code=0):
        command = [Path(sys.executable).parent / "hub", "retain", *words, "--project", str(small.firm.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "300"})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout

    assert "nothing is said, so all is kept" in hub(code=1)
    with open(small.firm.folder / "concord.yaml", "a") as settings:
        settings.write("retention: {snapshots: 400, cuts: 1}\n")

    assert json.loads(hub("--json")) == {
        "snapshots": "0 become 0",
        "values": "0 of the journal",
        "cuts": "0 copies of the hub",
        "forgotten": False,
    }
    assert "forgotten" in hub("--yes")
