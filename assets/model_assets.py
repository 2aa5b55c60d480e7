"""The understanding step: an asset for every model."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    TableColumn,
    TableSchema,
    multi_asset,
)

from assets import sqlmesh_models
from assets.evaluation import Evaluated
from assets.keys import HUB, RETRY, source_key, stage
from assets.sqlmesh_models import Lineage
from assets.understand import understand
from hub import journal
from hub.firm import Firm


def understood(firm: Firm) -> AssetsDefinition:
    """The step that brings the models up to date: an asset for each of them, after the objects and models that it reads."""
    sources = {
        f"capture.{name}__{each.name}".lower(): source_key(name, each.name)
        for name, member in firm.systems.items()
        for each in member.system.objects.values()
    }
    models = {model.name: model for model in sqlmesh_models.lineage(firm)}
    keys = sources | {name: AssetKey(name.split(".")) for name in models}
    specs = [_model_spec(model, [keys[read] for read in model.reads if read in keys]) for model in models.values()]

    @multi_asset(
        name="understand",
        specs=specs,
        check_specs=[AssetCheckSpec("audits", asset=keys[name]) for name, model in models.items() if model.audits],
        pool=HUB,
        retry_policy=RETRY,
    )
    def step() -> Iterator[MaterializeResult]:
        with journal.open(firm.journal) as entries:
            done = understand(firm, entries)
        stage.info(
            "%s", f"{done.touched:,} records touched, {sum(done.moved.values()):,} tied to a hub id anew", extra={"stage": "understand"}
        )
        evaluated = {each.name: each for each in done.evaluated}
        for name, model in models.items():
            yield _model_result(keys[name], model, evaluated.get(name))

    return step


def _model_result(key: AssetKey, model: Lineage, result: Evaluated | None) -> MaterializeResult:
    """What a model's evaluation came to; a view is not evaluated, for it follows its tables."""
    audits = [AssetCheckResult(check_name="audits", asset_key=key, passed=True, metadata=dict(result.audits))] if model.audits else []
    return MaterializeResult(asset_key=key, metadata={"rows": result.rows} if result else {}, check_results=audits)


def _model_spec(model: Lineage, reads: list[AssetKey]) -> AssetSpec:
    schema = TableSchema([TableColumn(name, kind, says or None) for name, (kind, says) in model.columns.items()])
    return AssetSpec(
        AssetKey(model.name.split(".")),
        deps=reads,
        group_name=model.name.split(".")[0],
        kinds={"duckdb", "sqlmesh"},
        description=model.says,
        metadata={"dagster/column_schema": schema},
    )
