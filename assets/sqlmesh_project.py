"""The SQLMesh project of a firm: its models under the firm's rules, and the version of both."""

import gc
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from hub import rules
from hub.firm import Firm

ROOT = Path(__file__).parent.parent
START = "2026-01-01"
# SQLMesh would load models in forks of this process, and reads this when it is imported. What DuckDB and Polars have running in threads
# does not survive a fork: one ended with a segmentation fault.
os.environ["MAX_FORK_WORKERS"] = "1"


def version(firm: Firm) -> str:
    """Changes with the rules, the models, SQLMesh and DuckDB; the tables of another version are built anew."""
    digest = hashlib.sha256(
        f"{rules.version(str(firm.folder.resolve()))} {metadata.version('sqlmesh')} {metadata.version('duckdb')}".encode()
    )
    sources = [
        path for room in ("models", "macros", "materializations") for path in (ROOT / room).rglob("*") if path.suffix in (".sql", ".py")
    ]
    shaping = [
        ROOT / "hub" / f"{name}.py"
        for name in ("cutover", "entity", "keys", "mapping", "matching", "normal", "ownership", "ownership_rule", "pairs", "rules", "text")
    ]  # what macros take their SQL from, and the rules that they ask
    for path in (*sorted((ROOT / "assets").glob("sqlmesh_*.py")), *shaping, *sorted(sources)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def in_memory(firm: Firm) -> Iterator["object"]:
    """A SQLMesh context with the firm's models that has no hub: for lineage, and for the tests of models."""
    from sqlmesh.core.config import DuckDBConnectionConfig, GatewayConfig

    with opened(firm, GatewayConfig(connection=DuckDBConnectionConfig(catalogs={"hub": ":memory:"}))) as context:
        yield context


@contextmanager
def opened(firm: Firm, gateway) -> Iterator["object"]:
    """A SQLMesh context with the firm's models, on the databases of this gateway."""
    # SQLMesh takes two seconds to import: a cycle that compiles nothing does without.
    from sqlglot import generator
    from sqlmesh import Context
    from sqlmesh.core.config import Config, ModelDefaultsConfig
    from sqlmesh.core.console import NoopConsole, set_console

    # sqlglot 30.8 remembers how to write each expression from its first use on: SQLMesh, imported later (after Splink), teaches it more.
    generator._DISPATCH_CACHE.clear()
    set_console(NoopConsole())
    under = version(firm)
    rules.COMPILED[under] = rules.of(str(firm.folder.resolve()))
    config = Config(
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start=START),
        default_gateway="hub",
        gateways={"hub": gateway},
        variables={"rules": under},
        disable_anonymized_analytics=True,
    )
    with _nothing_collected():
        context = Context(paths=[str(ROOT)], config=config)
        try:
            yield context
        finally:
            for adapter in context.engine_adapters.values():
                adapter.close()
            context.close()


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """No garbage is looked for while the `with` block lasts.

    SQLMesh makes millions of nodes that refer to each other and are nearly all in use: to walk them again and again took a quarter of the
    time to compile, 21.5 CPU s instead of 16.5 for the demo's firm. Without it the process grows by 190 MB more.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
