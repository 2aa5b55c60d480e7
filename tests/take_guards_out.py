"""`python tests/take_guards_out.py [WORD]`: takes each guard out of a copy of the tree, and says whether the test named for it fails then.

Ends with 1 when a guard can go unnoticed. WORD chooses the guards whose name holds it. What runs is a copy; nothing here changes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = (
    "hub",
    "models",
    "macros",
    "materializations",
    "reconcile",
    "assets",
    "tests/simulation",
    "pyproject.toml",
    "sqlmesh.yaml",
    ".cache/simulation",
)


@dataclass(frozen=True)
class Guard:
    """A line that keeps a promise: where it is, what becomes of it, and the test that must then fail."""

    name: str
    file: str
    text: str
    instead: str
    test: str
    door: bool = False  # the journal refuses it too, so its door is taken out with it


DOOR = ("hub/journal.py", "                self._door.check(connection, events, now)\n                recorded", "                recorded")
GUARDS = (
    Guard(
        "a create on its way is not due",
        "reconcile/plan.py",
        ") AS p ON p.action = d.action",
        ") AS p ON FALSE",
        "test_creates.py::test_an_acknowledged_create_is_not_sent_again_because_its_values_changed_meanwhile",
    ),
    Guard(
        "a create in doubt is looked for, whatever its values",
        "reconcile/settle.py",
        "bool_or(d.line_id IS NOT NULL OR c.hub_id IS NOT NULL)",
        "bool_or(d.line_id IS NOT NULL)",
        "test_creates.py::test_a_create_in_doubt_that_no_list_shows_yet_is_found_by_its_external_id",
    ),
    Guard(
        "a number that one answer left out is asked for again",
        "hub/capture.py",
        "held = unnumbered.hold(connection, target, each, manifest, sifted)",
        "held = False",
        "test_people.py::test_a_number_that_one_answer_left_out_makes_no_other_thing_of_an_invoice",
    ),
    Guard(
        "creates wait for records that nobody looked at",
        "reconcile/precondition.py",
        "return {record_id for (record_id,) in strangers}",
        "return set()",
        "test_creates.py::test_what_a_person_created_by_hand_between_plan_and_push_is_not_created_again",
    ),
    Guard(
        "creates wait for what a look found since the plan",
        "reconcile/push.py",
        "(unread or precondition.newcomers",
        "(precondition.newcomers",
        "test_creates.py::test_what_a_look_since_the_plan_found_is_not_created_again",
    ),
    Guard(
        "what is hidden is live",
        "macros/canonical.py",
        "COALESCE(_gone, 'not_visible') = 'not_visible'",
        "_gone IS NULL",
        "test_creates.py::test_a_record_that_a_list_leaves_out_is_not_created_again",
    ),
    Guard(
        "what is hidden is looked for again",
        "assets/observe.py",
        "COALESCE(_gone, 'not_visible') = 'not_visible'",
        "_gone IS NULL",
        "test_creates.py::test_a_hidden_record_that_is_deleted_later_is_known_to_be_deleted",
    ),
    Guard(
        "the intent is journaled first",
        "reconcile/push.py",
        "        way.journal.append([intent(correction) for correction in kept])\n",
        "",
        "test_disturbed.py::test_a_firm_is_brought_to_rest_with_every_promise_kept",
    ),
    Guard(
        "a moved field is refused",
        "reconcile/precondition.py",
        "for path, then, now in zip(promised, values[::2], values[1::2]) if then != now",
        "for path, then, now in ()",
        "test_people.py::test_a_person_who_edits_between_plan_and_push_keeps_the_edit",
    ),
    Guard(
        "a write bears its precondition",
        "reconcile/correction.py",
        "version = seen[first.record_id].version if first.record_id else None",
        "version = None",
        "test_people.py::test_a_person_who_edits_while_we_write_keeps_the_edit",
    ),
    Guard(
        "a refused line is held",
        "reconcile/plan.py",
        "WHERE kind IN ('refused', ",
        "WHERE kind IN (",
        "test_people.py::test_a_policy_does_not_approve_what_a_person_just_changed",
    ),
    Guard(
        "the base is part of what is approved",
        "macros/outbound.py",
        "discrepancy, record_id, field, base, want)",
        "discrepancy, record_id, field, want)",
        "test_people.py::test_consent_to_change_one_value_is_no_consent_to_change_another",
    ),
    Guard(
        "consent counts once",
        "reconcile/plan.py",
        # Both of its halves: a line whose push is confirmed leaves the plan in the same turn, unless the hub dies in between.
        "o.seq IS NULL AND v.seq IS NULL AND p.seq IS NULL",
        "v.seq IS NULL",
        "test_people.py::test_consent_counts_once",
    ),
    Guard(
        "what may be there is not created",
        "reconcile/plan.py",
        ") AS w ON w.action = d.action",
        ") AS w ON FALSE",
        "test_doubts.py::test_a_create_waits_while_a_steward_has_still_to_say_whether_it_is_there",
    ),
    Guard(
        "a row in quarantine denies nothing",
        "reconcile/settle.py",
        "AND q.record_id = l.record_id)",
        "AND FALSE)",
        "test_doubts.py::test_a_push_whose_record_went_into_quarantine_waits_for_it",
    ),
    Guard(
        "what is gone is not written",
        "reconcile/precondition.py",
        'if found.state != "there":',
        "if False:",
        "test_people.py::test_a_record_deleted_between_plan_and_push_stays_deleted",
    ),
    Guard(
        "what is not seen is unknown, not deleted",
        "hub/systems/netsuite/connector.py",
        'record_id: Seen("unknown") for',
        'record_id: Seen("deleted") for',
        "test_people.py::test_records_that_nobody_shows_any_more_are_not_taken_for_deleted",
    ),
    Guard(
        "half the records gone is an outage",
        "hub/contract.py",
        "good < len(known) * (1 - each.expect.collapse)",
        "good < 0",
        "test_people.py::test_when_most_records_are_gone_at_once_the_object_stops_and_somebody_is_told",
    ),
    Guard(
        "what is posted is held",
        "macros/outbound.py",
        "if not rule or system.role != rule.ledger:",
        "if True:",
        "test_people.py::test_a_posted_invoice_is_held_and_can_not_be_approved",
    ),
    Guard(
        "a line stands on the status",
        "reconcile/precondition.py",
        '{"status", *guards.columns(each.of)}',
        "set()",
        "test_people.py::test_an_invoice_posted_between_plan_and_push_is_not_written",
    ),
    Guard(
        "only what is approved is sent",
        "reconcile/push.py",
        "plan.approved(connection, system.system)",
        "[line for line in plan.read(connection).lines if line.system == system.system]",
        "test_silence.py::test_without_consent_nothing_is_written",
        door=True,
    ),
    Guard(
        "a policy does not overrule a person",
        "reconcile/consent.py",
        " and line.line_id not in withdrawn",
        "",
        "test_silence.py::test_consent_taken_back_is_not_given_again_by_a_policy",
    ),
    Guard(
        "half-built tables are not published",
        "assets/publishing.py",
        "        resolve.check_whole(connection)\n",
        "",
        "test_cuts.py::test_a_run_that_died_while_it_built_the_tables_is_not_published",
    ),
    Guard(
        "a cut is renamed into place",
        "hub/store.py",
        "    draft.rename(cut)\n",
        "    cut.mkdir(parents=True)\n    shutil.copyfile(draft / 'hub.duckdb', cut / 'hub.duckdb')\n    os.truncate(cut / 'hub.duckdb', 4096)\n",
        "test_cuts.py::test_twenty_readers_see_whole_cuts_while_the_loop_turns",
    ),
    Guard(
        "what a dead run touched is touched still",
        "reconcile/resolve.py",
        '    connection.execute("INSERT INTO work.touched SELECT DISTINCT hub_id FROM old_tie")  # before it is forgotten: a run may be cut off\n',
        "",
        "test_disturbed.py::test_a_renumbered_document_leaves_no_stale_golden_record_when_the_run_dies",
    ),
    Guard(
        "and is not forgotten by the next run",
        "reconcile/resolve.py",
        'if connection.execute("SELECT 1 FROM work.built").fetchone():\n        connection.execute("DELETE FROM work.touched")',
        'if True:\n        connection.execute("DELETE FROM work.touched")',
        "test_disturbed.py::test_a_renumbered_document_leaves_no_stale_golden_record_when_the_run_dies",
    ),
    Guard(
        "an unread system is told of",
        "assets/observe.py",
        'seen.troubles.append(Trouble("unreachable", about, str(unavailable), "engineer"))',
        "pass",
        "test_silence.py::test_a_system_that_can_not_be_read_is_told_of_until_it_can",
    ),
    Guard(
        "a moment's blindness is no refusal",
        "reconcile/precondition.py",
        'found.state == "unknown")',
        "False)",
        "test_silence.py::test_a_record_that_can_not_be_seen_for_a_moment_costs_a_turn_and_no_decision",
    ),
    Guard(
        "a rejected write is told of",
        "reconcile/push.py",
        '    if state == "rejected":',
        "    if False:",
        "test_silence.py::test_a_refused_write_is_told_of_in_the_words_of_the_system",
    ),
    Guard(
        "a write that never leaves is told of",
        "reconcile/push.py",
        "    if outcome.key in tired:",
        "    if False:",
        "test_silence.py::test_a_write_that_never_leaves_becomes_a_dead_letter",
    ),
    Guard(
        "no body is logged",
        "hub/systems/http.py",
        "response.status_code, took)",
        'response.status_code, took)\n        log.debug("%s %s", request, response.text)',
        "test_silence.py::test_without_consent_nothing_is_written",
    ),
)


def main() -> int:
    chosen = [guard for guard in GUARDS if " ".join(sys.argv[1:]) in guard.name]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        for room in filter(lambda room: (ROOT / room).exists(), ROOMS):
            _copied(ROOT / room, copy / room)
        missed = [guard for guard in chosen if not _noticed(copy, guard)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} guards are missed when they are gone")
    return len(missed) > 0


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


@contextmanager
def edited(copy: Path, edits: list[tuple[str, str, str]]) -> Iterator[bool]:
    """Edit a tree, (file, text, what stands in its place), while the `with` block lasts; gives whether each text was there once."""
    before = {file: (copy / file).read_text() for file, _, _ in edits}
    found = all(before[file].count(text) == 1 for file, text, _ in edits)
    for file, text, instead in edits:
        (copy / file).write_text((copy / file).read_text().replace(text, instead))
    try:
        yield found
    finally:
        for file, text in before.items():
            (copy / file).write_text(text)


def _noticed(copy: Path, guard: Guard) -> bool:
    """Whether the guard's test fails without it, and says so. A guard that is no longer in its file counts as unnoticed."""
    edits = [(guard.file, guard.text, guard.instead), *([DOOR] if guard.door else [])]
    with edited(copy, edits) as found:
        failed = found and _fails(copy, guard.test)
    print(f"{'missed' if failed else 'UNNOTICED' if found else 'NOT FOUND'}  {guard.name}: {guard.test}", flush=True)
    return failed


def _fails(copy: Path, test: str) -> bool:
    """Whether the test itself fails, or what is asked after it of the log; an error before it proves nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "--no-header", "--tb=line", "-W", "ignore", f"tests/simulation/{test}"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    return "1 failed" in done.stdout or "1 passed, 1 error" in done.stdout


if __name__ == "__main__":
    sys.exit(main())
