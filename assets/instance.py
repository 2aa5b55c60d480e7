"""Dagster's own state for a firm: one instance, shared by the command line, the daemon and the web server."""

import os
from pathlib import Path

from dagster import DagsterInstance

from hub.firm import Firm

# One writer at a time through the pool `hub`; nothing calls home.
SETTINGS = """\
telemetry:
  enabled: false
concurrency:
  pools:
    default_limit: 1
  runs:
    max_concurrent_runs: 4
retention:
  schedule: {purge_after_days: 7}
  sensor: {purge_after_days: {skipped: 1, failure: 30, success: 7}}
"""


def home(firm: Firm) -> Path:
    """The folder of the firm's Dagster instance, made if it is not there."""
    folder = (firm.state / "dagster").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists() or settings.read_text() != SETTINGS:
        settings.write_text(SETTINGS)
    return folder


def instance(firm: Firm) -> DagsterInstance:
    os.environ["DAGSTER_HOME"] = str(home(firm))
    return DagsterInstance.get()
