"""Hubs of invented firms, built as `hub run` builds them: read over HTTP, understood by the models. Built anew each time."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assets import cycle
from assets.observe import observe
from assets.understand import understand
from hub import firm, journal, rules, store
from hub.twin.twin import Twin

ENTITIES = ("customer", "contact", "worker")


@dataclass(frozen=True)
class Built:
    """A firm's project folder with a hub in it, and the twin that knows the truth."""

    folder: Path
    twin: Twin

    def crossref(self) -> dict[str, dict[str, str]]:
        """{entity: {record_ref: hub id}}."""
        found: dict[str, dict[str, str]] = {}
        with store.writing(firm.read(self.folder).hub_file) as connection:
            for entity, record_ref, hub_id in connection.execute("SELECT entity, record_ref, hub_id FROM journal.crossref").fetchall():
                found.setdefault(entity, {})[record_ref] = hub_id
        return found

    def reviews(self, entity: str) -> int:
        """How many pairs of records with different hub ids wait for a steward."""
        with store.writing(firm.read(self.folder).hub_file) as connection:
            return connection.execute("SELECT count(*) FROM work.question WHERE entity = ?", [entity]).fetchone()[0]


def build(folder: Path, seeds: Iterable[int], scale: float) -> list[Built]:
    """A hub for each seed, of the objects that hold customers, contacts and workers alone. Built anew each time."""
    found = []
    for seed in seeds:
        shutil.rmtree(place := folder / f"seed-{seed}", ignore_errors=True)
        twin = Twin(seed, scale)
        twin.start()
        try:
            twin.write_project(place)
            cycle.prepare(firm.read(place))
            _observed(place)
        finally:
            twin.stop()
        _understood(place)
        found.append(Built(place, twin))
    return found


def _observed(place: Path) -> None:
    the_firm, the_rules = firm.read(place), rules.of(str(place.resolve()))
    wanted = {(system.system, each.name) for entity in ENTITIES for system, each in the_rules.objects(entity)}
    for name in the_firm.systems:
        observe(the_firm, name, journal.open(the_firm.journal), [each for system, each in wanted if system == name])


def _understood(place: Path) -> None:
    the_firm = firm.read(place)
    the_firm.state.mkdir(parents=True, exist_ok=True)
    understand(the_firm, journal.open(the_firm.journal))
