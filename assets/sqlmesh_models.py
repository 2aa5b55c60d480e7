"""The SQLMesh models, compiled once for each version of the rules.

SQLMesh compiles, versions, audits and documents the models. Rendering all of them took 12 CPU seconds for a cycle
that changed nothing; so each model's SQL is written twice when rules or models change, whole and for touched keys alone,
and a cycle runs what was written.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass

from assets import sqlmesh_project
from hub import store
from hub.firm import Firm
from hub.matching import numbered

stage = logging.getLogger("concord.stage")
ROWS = "__ROWS__"  # in an audit, the rows that this cycle wrote; the others were audited when they were


@dataclass(frozen=True)
class Compiled:
    """A model as DuckDB runs it: `whole` selects all its rows, `touched` those of touched keys, for which `stale` ones make room.

    stale   SQL for whether a row of the table has a touched key
    audits  {audit: query that counts the rows of ROWS that break it}
    keeps   columns of stale rows that later steps of the same cycle ask for
    stays   whether these ask for the rows that came, too
    """

    name: str
    table: str
    columns: list[str]
    whole: str
    stale: str
    touched: str
    audits: dict[str, str]
    keeps: str = ""
    stays: bool = False

    @property
    def schema(self) -> str:
        return self.name.split(".")[0]

    @property
    def view(self) -> str:
        return self.name.split(".")[1]


@dataclass(frozen=True)
class Lineage:
    """What a model reads, what it holds, {column: (type, description)}, and its audits; a view has none, for it follows its tables."""

    name: str
    reads: list[str]
    says: str
    columns: dict[str, list[str]]
    audits: list[str]


def compiled(firm: Firm) -> list[Compiled]:
    """The firm's models in order of dependence; made and remembered in the state folder if this version was not yet.

    The caller holds the lock of the hub, for SQLMesh makes the tables and views that are new, empty.
    """
    return [Compiled(**each) for each in _remembered(firm, "models", lambda: _compile(firm))]


def lineage(firm: Firm) -> list[Lineage]:
    """Every model with what it reads, in order of dependence; loaded in memory, for only a step may open the hub."""
    return [Lineage(**each) for each in _remembered(firm, "lineage", lambda: _read_lineage(firm))]


def _remembered(firm: Firm, name: str, make) -> list[dict]:
    """What `make` gives, as plain values; kept in the state folder for each version of rules and models."""
    path = firm.state / f"{name}-{sqlmesh_project.version(firm)}.json"
    if not path.exists():
        firm.state.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps([asdict(each) for each in make()]))
        draft.rename(path)
    return json.loads(path.read_text())


def _read_lineage(firm: Firm) -> list[Lineage]:
    with sqlmesh_project.in_memory(firm) as context:
        return _lineage(context)


def _lineage(context) -> list[Lineage]:
    models = [context.models[name] for name in context.dag.sorted if name in context.models]
    return [
        Lineage(
            f"{model.schema_name}.{model.view_name}",
            sorted(_plain(read) for read in model.depends_on),
            model.description or "",
            {name: [kind.sql("duckdb"), model.column_descriptions.get(name, "")] for name, kind in (model.columns_to_types or {}).items()},
            [audit.name for audit, _ in model.audits_with_args if model.kind.is_materialized],
        )
        for model in models
    ]


def _plain(table: str) -> str:
    return ".".join(part.strip('"') for part in table.split(".")[-2:])


def _compile(firm: Firm) -> list[Compiled]:
    """Plan the models with SQLMesh, which makes what is new, and write the SQL of each."""
    stage.info("the models are new under these rules: SQLMesh compiles them, once", extra={"stage": "compile"})
    from sqlmesh.core.config import DuckDBConnectionConfig, GatewayConfig

    hub = DuckDBConnectionConfig(database=str(firm.hub_file), concurrent_tasks=1, connector_config=store.settings())
    state = DuckDBConnectionConfig(database=str(firm.state / "model_state.duckdb"))
    with sqlmesh_project.opened(firm, GatewayConfig(connection=hub, state_connection=state)) as context:
        # Without the tests of models: they are written for a firm of their own.
        plan = context.plan("prod", auto_apply=True, no_prompts=True, empty_backfill=True, skip_tests=True)
        _remembered(firm, "lineage", lambda: _lineage(context))
        # Not the context's own snapshots: it would read them back from its state, and parse them again.
        snapshots = {each.name: each for each in plan.snapshots.values()}
        tables = [snapshots[name] for name in context.dag.sorted if name in snapshots and snapshots[name].is_materialized]
        made = [_written(snapshot, snapshots) for snapshot in tables]
    stage.info("%d models compiled", len(made), extra={"stage": "compile"})
    return made


def _written(snapshot, snapshots) -> Compiled:
    model, table = snapshot.model, snapshot.table_name()
    properties = {name: str(value) for name, value in model.custom_materialization_properties.items()}
    # By number where the model has that: it is found in a tenth of the time.
    key, columns = properties["key"], properties.get("columns", properties["key"])
    if "numbers" in properties:
        key, columns = numbered(key), properties["numbers"]
    stale = " OR ".join(f"{column} IN (SELECT {key} FROM {properties['touched']})" for column in columns.split(", "))
    return Compiled(
        f"{model.schema_name}.{model.view_name}",
        table,
        list(model.columns_to_types),
        _sql(model, "whole"),
        stale,
        _sql(model, "touched_only"),
        _audits(model, snapshots, table),
        properties.get("keeps", ""),
        "keeps" in properties or "stays" in properties,
    )


def _sql(model, what: str) -> str:
    """The SQL that the model's macro writes, for all rows or for the touched ones.

    Not as SQLMesh renders it: that reads and writes what the macro wrote twice over, which took half of the time to compile.
    """
    from sqlmesh.core.macros import MacroEvaluator

    evaluator = MacroEvaluator(model.dialect, python_env=model.python_env)
    evaluator.locals[what] = True
    call = model.query.this
    return evaluator.send(call.name, *(evaluator.transform(each) for each in call.expressions))


def _audits(model, snapshots, table: str) -> dict[str, str]:
    queries = {
        audit.name: model.render_audit_query(audit, snapshots=snapshots, **arguments).sql("duckdb")
        for audit, arguments in model.audits_with_args
    }
    return {name: f"SELECT count(*) FROM ({sql.replace(_quoted(table), ROWS)})" for name, sql in queries.items()}


def _quoted(table: str) -> str:
    return ".".join(f'"{part}"' for part in table.replace('"', "").split("."))
