"""Runs cycles in this process: the same Dagster assets that the daemon runs on schedule."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dagster import ExecuteInProcessResult

from assets import hub_file, instance
from hub import store
from hub.errors import HubError
from hub.firm import Firm

# Dagster's own log of a run goes to its instance and the UI; the terminal has the stages.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Cycle:
    """What one cycle did, summed over systems."""

    ok: bool = True
    snapshots: int = 0
    records: int = 0
    quarantined: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    plan: dict[str, int] = field(default_factory=dict)
    pushed: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def wrote(self) -> int:
        return sum(self.pushed.values())


def run(firm: Firm, job: str = "cycle", kept: bool = True) -> Cycle:
    """One turn of the loop. Raises nothing for a failed step: `failures` says which, and why.

    kept  whether Dagster's UI shall show it
    """
    prepare(firm)
    from assets.definitions import definitions

    with loaded_for_good(), instance.instance(firm, kept) as dagster:
        instance.end_dead_runs(dagster)
        result = definitions(firm).resolve_job_def(job).execute_in_process(QUIET, instance=dagster, raise_on_error=False)
        return _summary(result)


@contextmanager
def loaded_for_good() -> Iterator[None]:
    """While the `with` block lasts, what is there already is taken to stay: each full garbage collection would walk all of it again.

    And what comes is looked through seldom: thousands of records live as long as their batch, and hardly anything refers back to itself.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def prepare(firm: Firm) -> None:
    """Make the hub's tables and compile the models, if rules or models are new: the definitions then load without SQLMesh."""
    if not firm.systems:
        raise HubError("concord.yaml names no system yet; add one with `hub add-system`")
    with store.locked(firm.hub_file):
        hub_file.prepare(firm)


def _summary(result: ExecuteInProcessResult) -> Cycle:
    cycle = Cycle(ok=result.success)
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            cycle.failures.append(f"{event.step_key}: {(error.cause or error).message.strip()}")
        if event.is_step_materialization:
            _add(cycle, event.step_materialization_data.materialization)
    return cycle


def _add(cycle: Cycle, materialization) -> None:
    numbers = {name: entry.value for name, entry in materialization.metadata.items() if isinstance(entry.value, int)}
    if "records" in numbers:
        cycle.snapshots += 1
        cycle.records += numbers["records"]
        cycle.quarantined += numbers["quarantined"]
        for name, count in numbers.items():
            if name.startswith("change_"):
                cycle.changes[name.removeprefix("change_")] = cycle.changes.get(name.removeprefix("change_"), 0) + count
    elif materialization.asset_key.path == ["reconcile", "plan"]:
        cycle.plan = numbers
    elif materialization.asset_key.path[0] == "pushed":
        for state, count in numbers.items():
            cycle.pushed[state] = cycle.pushed.get(state, 0) + count
