"""A period closes while the hub can't help: what docs/close.md tells finance to do by hand is not done again, undone or lost."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import promises
from test_people import url_differs

from assets import rebuild
from hub.controls import DAYS, Controls
from reconcile import in_force, policies, report


def put_in_force(loop, **said):
    roles = {name: member.system.role for name, member in loop.firm.systems.items()}
    in_force.put(loop.journal, in_force.proposed(Controls(**said), policies.read(loop.firm.policies), roles))


def test_outside_the_window_approved_lines_wait_and_go_once_it_opens(loop):
    record, _ = url_differs(loop)
    tomorrow = DAYS[(datetime.now(UTC) + timedelta(days=1)).weekday()]
    put_in_force(loop, windows={loop.firm.systems["netsuite"].system.role: {"days": [tomorrow]}})
    waited = loop.push("netsuite")
    written = len(loop.written("netsuite"))
    put_in_force(loop)

    assert (waited, written) == ({"netsuite": {"waiting": 1}}, 0)
    assert loop.push("netsuite") == {"netsuite": {"acknowledged": 1}}
    assert loop.rows("netsuite", "customer")[record]["url"] == "neu.example"


def test_what_finance_does_by_hand_while_the_hub_is_lost_is_there_when_it_is_back(loop, tmp_path):
    record, _ = url_differs(loop)
    loop.twin.faults["netsuite"].add("status", 429, method="PATCH")
    assert loop.push("netsuite") == {"netsuite": {"not_sent": 1}}
    (line,) = loop.plan().lines

    # Somebody reads the plan, corrects the record, and corrects another field while there.
    loop.person_edits("netsuite", "customer", record, url=json.loads(line.want)["website"], comments="closed by hand")
    built = rebuild.rebuild(loop.firm, tmp_path / "rebuilt")
    for lost in [loop.firm.hub_file, *loop.firm.state.glob("models-*.json"), *loop.firm.state.glob("model_state*")]:
        lost.unlink()
    for part in built.state.iterdir():
        if part.name.startswith(("hub.duckdb", "models-", "model_state", "lineage-")):
            shutil.copyfile(part, loop.firm.state / part.name)
    written = len(loop.written("netsuite"))
    loop.rest()

    assert len(loop.written("netsuite")) == written
    assert loop.rows("netsuite", "customer")[record]["comments"] == "closed by hand"
    assert loop.exceptions() == {} and promises.broken(loop) == []


def test_the_plan_can_be_read_and_worked_off_by_hand_from_the_report_alone(loop, tmp_path):
    record, _ = url_differs(loop)
    with rebuild.store.writing(loop.firm.hub_file) as connection:
        files = report.write(connection, tmp_path, "close")

    text = files["csv"].read_text(encoding="utf-8-sig")

    assert record in text and "neu.example" in text
