"""Canonical records, hub ids, golden records, discrepancies and deltas: everything that follows from snapshots and journal."""

from dataclasses import dataclass
from datetime import UTC, datetime

from assets import evaluation, hub_file, sqlmesh_project
from assets.evaluation import Evaluated
from hub import rule_history, rules, store
from hub.firm import Firm
from hub.journal import Journal
from reconcile import crowds, pins, plan, resolve

FEW = 50_000  # touched records of which the identity is worked out as fast by one thread


@dataclass(frozen=True)
class Understood:
    """What a pass over the models did. `moved` counts records whose hub id changed, by entity."""

    touched: int
    moved: dict[str, int]
    evaluated: list[Evaluated]


def understand(firm: Firm, journal: Journal, remembered: bool = False) -> Understood:
    """Bring the models up to date with what was captured and decided, touching only what changed.

    remembered  take the hub ids that the journal knows and issue none, as a rebuild does
    """
    the_rules, version = rules.of(str(firm.folder.resolve())), sqlmesh_project.version(firm)
    if not remembered:
        rule_history.note(journal, str(firm.folder.resolve()))
    with store.locked(firm.hub_file):
        models = hub_file.prepare(firm)
        with store.connect(firm.hub_file) as connection:
            anew = not resolve.is_built(connection, version)
            if not remembered:
                pins.expire(connection, journal, datetime.now(UTC).date())
            touched = resolve.begin(connection, the_rules, journal)
            crowds.remember_around(connection, the_rules)
            evaluated = evaluation.evaluate(connection, models, "canonical", anew=anew)
            crowds.touch_around(connection, the_rules, anew)
            keys = [model for model in models if model.name.endswith("_key")]
            with store.one_thread(connection, not anew and touched < FEW):
                evaluated += evaluation.evaluate(connection, keys, "identity", anew=anew)
                crowds.touch(connection, the_rules, anew)
                evaluated += evaluation.evaluate(connection, [model for model in models if model not in keys], "identity", anew=anew)
                moved = resolve.resolve(connection, the_rules, journal, anew, remembered)
            evaluated += evaluation.evaluate(connection, models, "golden", "discrepancy", "outbound", "mart", anew=anew)
            plan.lay(connection)
            resolve.done(connection, version)
    return Understood(touched, moved, evaluated)
