"""Makes hub files: with every table, the models compiled under the firm's rules, and nothing read yet.

Compiling takes half a minute and comes to the same under the same rules: so an empty hub of each version is kept, beside what SQLMesh
itself keeps, and a new hub, a rebuilt one or one as of another day begins as a copy of it.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from assets import sqlmesh_models, sqlmesh_project
from assets.sqlmesh_models import Compiled
from hub import capture, projection, rules, store
from hub.firm import Firm

KEPT = sqlmesh_project.ROOT / ".cache" / "empty_hub"


def prepare(firm: Firm) -> list[Compiled]:
    """Make the hub's tables and compile the models, as far as they are not there; returns the models. The caller holds the hub's lock."""
    kept, is_new = KEPT / sqlmesh_project.version(firm), not firm.hub_file.exists()
    for stale in parts(firm) if is_new else ():  # of a hub file that was lost
        stale.unlink()
    if is_new and kept.exists():
        shutil.copytree(kept, firm.state, dirs_exist_ok=True)
    with store.connect(firm.hub_file) as connection:
        capture.prepare(connection, rules.of(str(firm.folder.resolve())).systems)
        projection.prepare(connection)
    models = sqlmesh_models.compiled(firm)
    if is_new and not kept.exists():
        _keep(firm, kept)
    return models


def parts(firm: Firm) -> list[Path]:
    """The files beside the hub file that tell what was compiled into it."""
    return [path for pattern in ("models-*.json", "lineage-*.json", "model_state.duckdb*") for path in firm.state.glob(pattern)]


def _keep(firm: Firm, kept: Path) -> None:
    """Keep a hub that has read nothing, without the tables that the hub makes itself: these may change while the models do not."""
    draft = kept.with_name(f".{kept.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    for part in (firm.hub_file, *parts(firm)):
        shutil.copyfile(part, draft / part.name)
    with store.connect(draft / firm.hub_file.name) as connection:
        for schema in ("capture", "journal", "work"):
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
    with suppress(OSError):  # another process was first: its tables are as good
        draft.rename(kept)
    shutil.rmtree(draft, ignore_errors=True)
