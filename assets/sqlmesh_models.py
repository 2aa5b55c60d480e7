"""Loads, builds and evaluates the SQLMesh models. SQLMesh compiles, versions, tests and audits; here is decided when."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmesh import Context
from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, ModelDefaultsConfig
from sqlmesh.core.console import NoopConsole, set_console
from sqlmesh.core.snapshot import Snapshot
from sqlmesh.utils.date import now

from hub import rules, store
from hub.errors import HubError
from hub.firm import Firm

ROOT = Path(__file__).parent.parent
START = "2026-01-01"
log = logging.getLogger(__name__)


class AuditFailed(HubError):
    """A model's rows break an audit; what was built from them is not to be trusted."""


@dataclass(frozen=True)
class Evaluated:
    """One model after its evaluation: audits by name, with the number of rows that break each."""

    name: str
    audits: dict[str, int]


def lineage(firm: Firm) -> Context:
    """The models and what they read, loaded without opening the hub."""
    return _context(firm, GatewayConfig(connection=DuckDBConnectionConfig(catalogs={"hub": ":memory:"})))


@contextmanager
def building(firm: Firm) -> Iterator["Models"]:
    """The models over the hub, which nobody else can open meanwhile."""
    with store.locked(firm.hub_file):
        state = DuckDBConnectionConfig(database=str(firm.state / "model_state.duckdb"))
        hub = DuckDBConnectionConfig(database=str(firm.hub_file), concurrent_tasks=1, connector_config=store.settings())
        context = _context(firm, GatewayConfig(connection=hub, state_connection=state))
        try:
            yield Models(context)
        finally:
            for adapter in context.engine_adapters.values():
                adapter.close()
            context.close()


class Models:
    """The firm's models, ready to be evaluated now, whatever SQLMesh thinks of its intervals."""

    def __init__(self, context: Context):
        self.context = context
        self.connection = context.engine_adapter.cursor  # DuckDB's own; the one connection while the hub is held

    def prepare(self) -> None:
        """Make the tables and views of models that are new or changed, empty."""
        self.context.plan("prod", auto_apply=True, no_prompts=True, empty_backfill=True)

    def evaluate(self, *schemas: str) -> list[Evaluated]:
        """Evaluate the models of these schemas in order of dependence, each followed by its audits."""
        return [self._evaluate(snapshot) for snapshot in self._in_order(schemas)]

    def _in_order(self, schemas: tuple[str, ...]) -> list[Snapshot]:
        snapshots = self.context.snapshots
        found = [snapshots[name] for name in self.context.dag.sorted if name in snapshots]
        return [snapshot for snapshot in found if snapshot.model.schema_name in schemas]

    def _evaluate(self, snapshot: Snapshot) -> Evaluated:
        # run() would answer NOTHING_TO_DO: this interval has been evaluated, though the data has changed since.
        when = {"start": START, "end": now(), "execution_time": now(), "snapshots": self.context.snapshots}
        self.context.snapshot_evaluator.evaluate(snapshot, **when)
        results = self.context.snapshot_evaluator.audit(snapshot, **when)
        name = f"{snapshot.model.schema_name}.{snapshot.model.view_name}"
        audits = {result.audit.name: result.count or 0 for result in results}
        if broken := {audit: count for audit, count in audits.items() if count}:
            raise AuditFailed(f"{name}: {', '.join(f'{count} rows break {audit}' for audit, count in broken.items())}; see the model's query and the last snapshots")
        return Evaluated(name, audits)


def _context(firm: Firm, gateway: GatewayConfig) -> Context:
    set_console(NoopConsole())
    project = str(firm.folder.resolve())
    config = Config(
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start=START), default_gateway="hub", gateways={"hub": gateway},
        variables={"project": project, "rules": rules.version(project)}, disable_anonymized_analytics=True,
    )
    return Context(paths=[str(ROOT)], config=config)
