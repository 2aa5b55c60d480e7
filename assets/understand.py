"""Canonical records, hub ids, golden records, discrepancies and deltas: everything that follows from snapshots and journal."""

from dataclasses import dataclass

from assets import sqlmesh_models
from assets.sqlmesh_models import Evaluated
from hub import capture, projection, rules
from hub.firm import Firm
from hub.journal import Journal
from reconcile import resolve


@dataclass(frozen=True)
class Understood:
    """What a pass over the models did. `moved` counts records whose hub id changed, by entity."""

    touched: int
    moved: dict[str, int]
    evaluated: list[Evaluated]


def understand(firm: Firm, journal: Journal) -> Understood:
    """Bring the models up to date with what was captured and decided, touching only what changed."""
    the_rules, version = rules.of(str(firm.folder.resolve())), rules.version(str(firm.folder.resolve()))
    with sqlmesh_models.building(firm) as models:
        capture.prepare(models.connection, the_rules.systems)
        projection.prepare(models.connection)
        anew = not resolve.is_built(models.connection, version)
        if anew:
            models.prepare()
        touched = resolve.begin(models.connection, the_rules, journal)
        evaluated = models.evaluate("canonical", "identity")
        moved = resolve.resolve(models.connection, the_rules, journal, anew)
        evaluated += models.evaluate("golden", "discrepancy", "outbound", "mart")
        resolve.done(models.connection, version)
    return Understood(touched, moved, evaluated)
