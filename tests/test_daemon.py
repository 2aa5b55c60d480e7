"""The loop under Dagster's real daemon: schedule, sensor, a killed run, two runs at once. Every step is a process of its own."""

import subprocess
import sys
from itertools import combinations

import httpx
import office as offices
import pytest
from dagster import DagsterRunStatus

from assets import sqlmesh_project
from hub import journal, snapshot, store

DELETED = "SELECT count(*) FROM capture.change WHERE system = 'salesforce' AND object = 'Contact' AND kind = 'delete'"
PENDING = "SELECT count(*) FROM capture.pending"


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An office whose schedule has run once; from then on a test says when a cycle runs."""
    with offices.opened(tmp_path_factory.mktemp("office")) as office:
        office.scheduled = office.wait(lambda: office.run_tagged("dagster/schedule_name"))
        office.stop_schedules()
        yield office


def test_a_scheduled_cycle_runs_and_publishes(office):
    assert office.ended(office.scheduled) is DagsterRunStatus.SUCCESS

    [(records, systems)] = office.read("SELECT count(*), count(DISTINCT split_part(record_ref, ':', 1)) FROM journal.crossref")
    assert records > 50
    assert systems == 2


def test_a_second_cycle_sees_at_once_what_people_did_since_the_first(office):
    [(before,)] = office.read(DELETED)

    office.people_edit(3)  # a rep deletes a contact
    office.turn()

    assert office.read(DELETED) == [(before + 1,)]


def test_a_killed_run_leaves_nothing_half_written_and_the_next_one_finishes_its_work(office):
    [(before,)] = office.read(DELETED)
    office.people_edit(7)  # a rep deletes another contact
    killed = office.start()
    office.wait(lambda: office.has_begun(killed, "understand"))

    office.kill(killed)

    assert office.read(DELETED) == [(before,)]
    assert_whole(office.firm)
    office.turn()
    assert office.ended(killed) is DagsterRunStatus.FAILURE
    assert office.read(DELETED) == [(before + 1,)]
    assert office.read(PENDING) == [(0,)]


def assert_whole(firm):
    """The journal is unbroken, the hub opens, and it holds rows of whole snapshots alone."""
    with journal.open(firm.journal) as entries:
        assert entries.verify() is None
    taken = {manifest.id for manifest in snapshot.all_manifests(firm.snapshots)}
    with store.writing(firm.hub_file) as connection:
        loaded = {found for (found,) in connection.execute("SELECT id FROM capture.snapshot").fetchall()}
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'capture' AND table_name LIKE '%\\_\\_%' ESCAPE '\\'"
            ).fetchall()
        ]
        told = {found for name in tables for (found,) in connection.execute(f'SELECT DISTINCT _snapshot FROM capture."{name}"').fetchall()}
    assert told
    assert told <= loaded <= taken
    assert all(snapshot.is_whole(firm.snapshots / each) for each in taken)


def test_a_killed_hub_run_keeps_nobody_from_writing(office):
    earlier = {run.run_id for run in office.dagster.get_runs()}
    command = subprocess.Popen([sys.executable, "-c", "from assets.cli import main; main()", "run", "--json"], env=office.environment)  # noqa: S603
    killed = office.wait(lambda: next((run.run_id for run in office.dagster.get_runs() if run.run_id not in earlier), None))
    office.wait(lambda: office.has_begun(killed, "understand"))

    command.kill()

    office.turn()
    assert office.ended(killed) is DagsterRunStatus.FAILURE


def test_a_decision_of_a_person_starts_a_cycle(office):
    [(discrepancy,)] = office.read("SELECT id FROM discrepancy.found ORDER BY id LIMIT 1")

    decision = office.decide("discrepancy.waived", discrepancy, {"reason": "the customer asked for it"})

    run = office.wait(lambda: office.run_tagged("dagster/run_key", f"decision-{decision.seq}"))
    assert office.ended(run) is DagsterRunStatus.SUCCESS
    assert office.read("SELECT discrepancy_id, actor FROM journal.waiver") == [(discrepancy, "steward")]


def test_of_two_runs_at_once_one_writes_at_a_time_and_both_succeed(office):
    first, second = office.start(), office.start()

    assert (office.ended(first), office.ended(second)) == (DagsterRunStatus.SUCCESS, DagsterRunStatus.SUCCESS)
    steps = [step for run in (first, second) for step in office.dagster.get_run_step_stats(run) if not step.step_key.startswith("observe_")]
    assert len(steps) == 10
    assert not [
        (one.step_key, other.step_key)
        for one, other in combinations(steps, 2)
        if one.start_time < other.end_time and other.start_time < one.end_time
    ]


def test_the_code_location_loads_while_a_writer_holds_the_hub(office):
    loading = "from assets.definitions import defs; repository = defs.get_repository_def(); repository.load_all_definitions(); print(len(repository.get_all_jobs()))"

    with store.writing(office.firm.hub_file, wait=False):
        loaded = subprocess.run([sys.executable, "-c", loading], env=office.environment, capture_output=True, text=True, timeout=120)  # noqa: S603

    assert (loaded.returncode, int(loaded.stdout) >= 3) == (0, True), loaded.stderr


def test_the_user_interface_shows_every_stage_with_its_source(office):
    asked = "{ assetNodes { assetKey { path } dependencyKeys { path } description assetMaterializations(limit: 1) { runId } } }"

    nodes = httpx.post(f"http://127.0.0.1:{office.port}/graphql", json={"query": asked}, timeout=120).json()["data"]["assetNodes"]

    reads = {tuple(node["assetKey"]["path"]): {tuple(each["path"]) for each in node["dependencyKeys"]} for node in nodes}
    chain = [
        ("salesforce", "Account"),
        ("canonical", "customer"),
        ("identity", "customer"),
        ("golden", "customer"),
        ("discrepancy", "value_differs"),
        ("discrepancy", "found"),
        ("reconcile", "plan"),
        ("pushed", "netsuite"),
        ("published", "cut"),
    ]
    assert [(source, reader) for source, reader in zip(chain, chain[1:]) if source not in reads[reader]] == []
    assert [node["assetKey"]["path"] for node in nodes if not (node["description"] and node["assetMaterializations"])] == []


def test_nothing_calls_home(office):
    seen = subprocess.run([sys.executable, "-c", "import socket; socket.getaddrinfo('192.0.2.1', 80)"], env=office.environment)  # noqa: S603

    assert seen.returncode == 0
    assert office.calls.read_text().splitlines() == ["socket.getaddrinfo 192.0.2.1"]  # this one alone: the watch works, and saw no other
    assert not office.dagster.telemetry_enabled
    with sqlmesh_project.in_memory(office.firm) as context:
        assert context.config.disable_anonymized_analytics
