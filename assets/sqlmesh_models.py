"""The SQLMesh models, compiled once for each version of the rules and evaluated every cycle.

SQLMesh compiles, versions, audits and documents the models. Rendering all of them took 12 CPU seconds for a cycle
that changed nothing; so each model is rendered twice when rules or models change, whole and for touched keys alone,
and a cycle runs what was rendered.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import duckdb

from hub import rules, store
from hub.errors import HubError
from hub.firm import Firm

ROOT = Path(__file__).parent.parent
START = "2026-01-01"


class AuditFailed(HubError):
    """A model's rows break an audit; what was built from them is not to be trusted."""


@dataclass(frozen=True)
class Compiled:
    """A model as DuckDB runs it: `whole` fills an empty table, `touched` adds the rows of touched keys after `delete`."""

    name: str
    table: str
    whole: str
    delete: str
    touched: str
    audits: dict[str, str]

    @property
    def schema(self) -> str:
        return self.name.split(".")[0]


@dataclass(frozen=True)
class Lineage:
    """What a model reads, what it holds, {column: (type, description)}, and its audits; a view has none, for it follows its tables."""

    name: str
    reads: list[str]
    says: str
    columns: dict[str, list[str]]
    audits: list[str]


@dataclass(frozen=True)
class Evaluated:
    """One model after its evaluation: its rows, and how many of those looked at break each audit."""

    name: str
    rows: int
    audits: dict[str, int]


def version(firm: Firm) -> str:
    """Changes with the rules, the models and SQLMesh; the tables of another version are built anew."""
    digest = hashlib.sha256(f"{rules.version(str(firm.folder.resolve()))} {metadata.version('sqlmesh')}".encode())
    sources = [
        path for room in ("models", "macros", "materializations") for path in (ROOT / room).rglob("*") if path.suffix in (".sql", ".py")
    ]
    for path in (Path(__file__), *sorted(sources)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def compiled(firm: Firm) -> list[Compiled]:
    """The firm's models in order of dependence; made and remembered in the state folder if this version was not yet.

    The caller holds the lock of the hub, for SQLMesh makes the tables and views that are new, empty.
    """
    return [Compiled(**each) for each in _remembered(firm, "models", lambda: _compile(firm))]


def evaluate(connection: duckdb.DuckDBPyConnection, models: list[Compiled], *schemas: str, anew: bool) -> list[Evaluated]:
    """Bring the models of these schemas up to date, each all or nothing, and audit what was touched. Raises AuditFailed.

    anew  not all of them were built under these rules yet: those that are empty are built whole
    """
    return [_evaluate(connection, model, anew) for model in models if model.schema in schemas]


def _evaluate(connection: duckdb.DuckDBPyConnection, model: Compiled, anew: bool) -> Evaluated:
    connection.execute("BEGIN")
    try:
        if anew and not connection.execute(f"SELECT 1 FROM {model.table} LIMIT 1").fetchone():
            connection.execute(model.whole)
        else:
            connection.execute(model.delete)
            connection.execute(model.touched)
        audits = {name: connection.execute(sql).fetchone()[0] for name, sql in model.audits.items()}
        if broken := {name: count for name, count in audits.items() if count}:
            raise AuditFailed(
                f"{model.name}: {', '.join(f'{count} rows break {name}' for name, count in broken.items())}; see the model's query and the last snapshots"
            )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return Evaluated(model.name, connection.execute(f"SELECT count(*) FROM {model.table}").fetchone()[0], audits)


def lineage(firm: Firm) -> list[Lineage]:
    """Every model with what it reads, in order of dependence; loaded in memory, for only a step may open the hub."""
    return [Lineage(**each) for each in _remembered(firm, "lineage", lambda: _read_lineage(firm))]


def _read_lineage(firm: Firm) -> list[Lineage]:
    with in_memory(firm) as context:
        return _lineage(context)


@contextmanager
def in_memory(firm: Firm) -> Iterator["object"]:
    """A SQLMesh context with the firm's models that has no hub: for lineage, and for the tests of models."""
    from sqlmesh.core.config import DuckDBConnectionConfig, GatewayConfig

    with _context(firm, GatewayConfig(connection=DuckDBConnectionConfig(catalogs={"hub": ":memory:"}))) as context:
        yield context


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


def _remembered(firm: Firm, name: str, make) -> list[dict]:
    """What `make` gives, as plain values; kept in the state folder for each version of rules and models."""
    path = firm.state / f"{name}-{version(firm)}.json"
    if not path.exists():
        firm.state.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps([asdict(each) for each in make()]))
        draft.rename(path)
    return json.loads(path.read_text())


def _compile(firm: Firm) -> list[Compiled]:
    """Plan the models with SQLMesh, which makes what is new, and render each of them."""
    from sqlmesh.core.config import DuckDBConnectionConfig, GatewayConfig

    hub = DuckDBConnectionConfig(database=str(firm.hub_file), concurrent_tasks=1, connector_config=store.settings())
    state = DuckDBConnectionConfig(database=str(firm.state / "model_state.duckdb"))
    with _context(firm, GatewayConfig(connection=hub, state_connection=state)) as context:
        plan = context.plan(
            "prod", auto_apply=True, no_prompts=True, empty_backfill=True, skip_tests=True
        )  # they are written for a firm of their own
        _remembered(firm, "lineage", lambda: _lineage(context))
        snapshots = {
            each.name: each for each in plan.snapshots.values()
        }  # the context's own would be read back from its state, and parsed again
        tables = [snapshots[name] for name in context.dag.sorted if name in snapshots and snapshots[name].is_materialized]
        return [_rendered(snapshot, snapshots) for snapshot in tables]


def _rendered(snapshot, snapshots) -> Compiled:
    model, table = snapshot.model, snapshot.table_name()
    properties = {name: str(value) for name, value in model.custom_materialization_properties.items()}
    stale = " OR ".join(
        f"{column} IN (SELECT {properties['key']} FROM {properties['touched']})"
        for column in properties.get("columns", properties["key"]).split(", ")
    )
    insert = f"INSERT INTO {table} ({', '.join(model.columns_to_types)}) "
    # Not as SQLMesh optimizes it: sqlglot 30.8 forgets there that concat_ws skips NULL. Without a variable that is set, it hands back the optimized one.
    whole, touched = (
        model.render_query_or_raise(needs_optimization=False, snapshots=snapshots, **{what: True}).sql("duckdb")
        for what in ("whole", "touched_only")
    )
    audits = {
        audit.name: model.render_audit_query(audit, snapshots=snapshots, **arguments).sql("duckdb")
        for audit, arguments in model.audits_with_args
    }
    # Audit the rows that this cycle touched; the others were audited when they were. An empty list of keys means: all are new.
    looked_at = f"(SELECT * FROM {table} WHERE {stale} OR NOT EXISTS (SELECT 1 FROM {properties['touched']}))"
    audits = {name: f"SELECT count(*) FROM ({sql.replace(_quoted(table), looked_at)})" for name, sql in audits.items()}
    return Compiled(
        f"{model.schema_name}.{model.view_name}", table, insert + whole, f"DELETE FROM {table} WHERE {stale}", insert + touched, audits
    )


def _quoted(table: str) -> str:
    return ".".join(f'"{part}"' for part in table.replace('"', "").split("."))


@contextmanager
def _context(firm: Firm, gateway) -> Iterator["object"]:
    # SQLMesh takes two seconds to import: a cycle that compiles nothing does without.
    from sqlglot import generator
    from sqlmesh import Context
    from sqlmesh.core.config import Config, ModelDefaultsConfig
    from sqlmesh.core.console import NoopConsole, set_console

    # sqlglot 30.8 remembers how to write each expression from its first use on: SQLMesh, imported later (after Splink), teaches it more.
    generator._DISPATCH_CACHE.clear()
    set_console(NoopConsole())
    project = str(firm.folder.resolve())
    config = Config(
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start=START),
        default_gateway="hub",
        gateways={"hub": gateway},
        variables={"project": project, "rules": version(firm)},
        disable_anonymized_analytics=True,
    )
    context = Context(paths=[str(ROOT)], config=config)
    try:
        yield context
    finally:
        for adapter in context.engine_adapters.values():
            adapter.close()
        context.close()
