"""What Dagster loads: the assets of the firm in CONCORD_PROJECT (or here), their schedules, and the sensor on the journal."""

import os
from pathlib import Path

import yaml
from dagster import (
    AssetSelection,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    in_process_executor,
    multiprocess_executor,
)

from assets import graph, instance, keys
from hub import firm, journal
from hub.firm import Firm

# What people decide; each new one is a reason for a cycle.
DECISIONS = (
    "match.decided",
    "value.pinned",
    "plan.approved",
    "plan.withdrawn",
    "discrepancy.waived",
    "exception.closed",
    "replay.requested",
)
# A cycle is one warm process: imports cost more than most steps. CONCORD_EXECUTOR=multiprocess gives each step its own.
# Its steps are then forked from one process that has imported what they need; pyarrow would import pandas in each.
FORK = {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": ["assets.definitions", "pandas"]}}}
EXECUTORS = {"in_process": in_process_executor, "multiprocess": multiprocess_executor.configured(FORK)}
UNFINISHED = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, *instance.UNDER_WAY]


def project() -> Path:
    return Path(os.environ.get("CONCORD_PROJECT", ".")).resolve()


def domains(the_firm: Firm) -> dict[str, dict]:
    """{domain: entities and cron}: the firm's own schedules.yaml when it has one, else ours."""
    own = the_firm.folder / "schedules.yaml"
    return yaml.safe_load((own if own.exists() else Path(__file__).parent / "schedules.yaml").read_text())


def definitions(the_firm: Firm) -> Definitions:
    """Everything of one firm. Loading it opens neither the hub nor a system."""
    assets = graph.all_assets(the_firm)
    jobs = {
        "cycle": define_asset_job("cycle", AssetSelection.all(), description="Observe every system, understand, compare, correct, publish.")
    }
    jobs["push"] = define_asset_job(
        "push", AssetSelection.groups("pushed", "published"), description="Send what is approved now, and publish."
    )
    # All that follows from what was read is one step, and touches what changed.
    beyond = AssetSelection.all() - AssetSelection.groups("observe")
    for name, domain in domains(the_firm).items():
        if sources := _sources(the_firm, domain["entities"]):
            jobs[name] = define_asset_job(
                f"cycle_{name}",
                AssetSelection.assets(*sources) | beyond,
                description=f"A cycle that reads {', '.join(domain['entities'])} only.",
            )
    schedules = [_schedule(name, domain["cron"], jobs[name]) for name, domain in domains(the_firm).items() if name in jobs]
    sensor = SensorDefinition(
        name="decisions",
        job=jobs["cycle"],
        evaluation_fn=lambda context: _on_decision(the_firm, context),
        minimum_interval_seconds=15,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts a cycle when the journal has a new decision of a person.",
    )
    dead = SensorDefinition(
        name="dead_runs",
        evaluation_fn=_on_dead_runs,
        minimum_interval_seconds=15,
        default_status=DefaultSensorStatus.RUNNING,
        description="Ends runs whose process was killed and frees what they held, so that the next one can write.",
    )
    return Definitions(
        assets=assets,
        jobs=list(jobs.values()),
        schedules=schedules,
        sensors=[sensor, dead],
        executor=EXECUTORS[os.environ.get("CONCORD_EXECUTOR", "in_process")],
    )


def _sources(the_firm: Firm, entities: list[str]) -> list:
    return [
        keys.source_key(name, each.name)
        for name, member in the_firm.systems.items()
        for each in member.system.objects.values()
        if each.of in entities
    ]


def _schedule(name: str, cron: str, job) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=f"{name}_schedule",
        job=job,
        cron_schedule=cron,
        default_status=DefaultScheduleStatus.RUNNING,
        should_execute=lambda context: _is_idle(context, job.name),
    )


def _is_idle(context: ScheduleEvaluationContext, job: str) -> bool:
    """Whether no turn of this job is under way or waits: a slow system must not heap up turns, and the next tick sees all that is new."""
    return not context.instance.get_runs_count(RunsFilter(job_name=job, statuses=UNFINISHED))


def _on_dead_runs(context: SensorEvaluationContext) -> SkipReason:
    return SkipReason(f"{len(instance.end_dead_runs(context.instance))} dead runs ended")


def _on_decision(the_firm: Firm, context: SensorEvaluationContext):
    after = int(context.cursor or 0)
    with journal.open(the_firm.journal) as entries:
        decided = [event.seq for event in entries.events(after, DECISIONS) if event.actor not in ("hub", "policy")]
    if not decided:
        return SkipReason("no new decision")
    context.update_cursor(str(decided[-1]))
    return RunRequest(run_key=f"decision-{decided[-1]}")


if (project() / "concord.yaml").exists():
    defs = definitions(firm.read(project()))
else:
    defs = Definitions()
