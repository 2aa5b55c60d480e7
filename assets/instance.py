"""Dagster's own state for a firm: one instance, shared by the command line, the daemon and the web server."""

import os
from pathlib import Path

import psutil
import yaml
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from hub.firm import Firm

# One writer at a time through the pool `hub`; nothing calls home, and the UI asks nobody for an address.
# What a step prints is not captured: that starts four processes a step, and steps log events.
SETTINGS = """\
telemetry:
  enabled: false
nux:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
concurrency:
  pools:
    default_limit: 1
  runs:
    max_concurrent_runs: 4
python_logs:
  python_log_level: WARNING
retention:
  schedule: {purge_after_days: 7}
  sensor: {purge_after_days: {skipped: 1, failure: 30, success: 7}}
"""
UNDER_WAY = [DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def home(firm: Firm) -> Path:
    """The folder of the firm's Dagster instance, made if it is not there."""
    folder = (firm.state / "dagster").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists() or settings.read_text() != SETTINGS:
        settings.write_text(SETTINGS)
    return folder


def instance(firm: Firm, kept: bool = True) -> DagsterInstance:
    """The firm's instance; with `kept` False one in memory, for runs whose figures are only printed: it spares a commit for every event."""
    if not kept:
        return DagsterInstance.ephemeral(settings=yaml.safe_load(SETTINGS))
    os.environ["DAGSTER_HOME"] = str(home(firm))
    return DagsterInstance.get()


def end_dead_runs(dagster: DagsterInstance) -> list[str]:
    """End the runs whose process is gone and free what they held of a pool; returns their ids.

    Dagster does neither by itself when a machine or a daemon dies: such a run counts as under way for good, and its
    slot in the pool keeps every later run from writing.
    """
    dead = [run for run in dagster.get_runs(RunsFilter(statuses=UNDER_WAY)) if _is_dead(dagster, run.run_id)]
    for run in dead:
        dagster.report_run_failed(run, "The process of this run is gone. What it left undone is done by the next run.")
    for run_id in dagster.event_log_storage.get_concurrency_run_ids():
        holder = dagster.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            dagster.event_log_storage.free_concurrency_slots_for_run(run_id)
    return [run.run_id for run in dead]


def _is_dead(dagster: DagsterInstance, run_id: str) -> bool:
    """Whether each process that said it works on a run is gone. One that has not said so yet is just starting."""
    events = [
        entry
        for entry in dagster.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        if "pid" in entry.dagster_event.event_specific_data.metadata
    ]
    return bool(events) and not any(
        _is_alive(int(entry.dagster_event.event_specific_data.metadata["pid"].value), entry.timestamp) for entry in events
    )


def _is_alive(pid: int, at: float) -> bool:
    """Whether the process that had this id at that time is there still; after a restart the id may be another's."""
    try:
        process = psutil.Process(pid)
        # A clock that is set right meanwhile may shift the time at which it began.
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < at + 60
    except psutil.NoSuchProcess:
        return False
