"""The twin: an invented firm with its systems, its people's edits and its planted differences, ready to be integrated."""

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from pathlib import Path

from starlette.types import ASGIApp

from hub import mapping
from hub.systems.simulator import Clock, Faults, Faulty, Server
from hub.twin import edits, plants, project, views
from hub.twin.ground import Planted
from hub.twin.seeding import Seeding
from hub.twin.truth import truth

SYSTEMS = ("salesforce", "ironclad", "kantata", "netsuite", "bamboohr", "files")


class Twin:
    """A firm and its systems. Two twins of one seed and scale hold equal records.

    clock       the firm's time
    truth       {entity: {truth id: {canonical column: value}}}
    systems     {system: its mapping}
    simulators  {system: Simulator}
    faults      {system: Faults}, for those that are served
    views       {(system, entity, truth id, copy): what the system was told}
    planted     differences made on purpose; people's edits add to it and take from it, what a hub corrects does not
    urls        {system: address}, once started
    folder      the project folder, once written
    """

    def __init__(self, seed: int = 7, scale: float = 1.0, systems: Sequence[str] = SYSTEMS):
        self.seed, self.clock, self.truth = seed, Clock(), truth(seed, scale)
        self.systems = {name: mapping.read(mapping.FOLDER / name / "system.yaml") for name in systems}
        self.simulators = {name: importlib.import_module(f"hub.systems.{name}.simulator").Simulator(self.clock) for name in systems}
        self.faults = {name: Faults() for name in systems}
        grown, self.planted = plants.plant(seed, self.truth, self.systems, views.views(seed, self.truth, self.systems))
        self.views = {view.key: view for view in grown}
        self.seeding = Seeding(self.systems, {name: each.tables for name, each in self.simulators.items()}, self.truth)
        for view in sorted(grown, key=lambda view: list(self.truth).index(view.entity)):
            self.seeding.create(view)
        self.urls: dict[str, str] = {}
        self.folder: Path | None = None
        self.server: Server | None = None

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """What each record is of, {entity: {"system:Object:id": truth id}}; a row without its key is none."""
        found: dict[str, dict[str, str]] = {entity: {} for entity in self.truth}
        for key, record_id in self.seeding.ids.items():
            view = self.views[key]
            if self.systems[view.system].objects[view.object].key not in view.raw:
                found[view.entity][f"{view.system}:{view.object}:{record_id}"] = view.truth_id
        return found

    @property
    def noise(self) -> list[Planted]:
        """Every cell that is spelled otherwise or empty for no reason but people: `spelling` or `missing_value`."""
        known = {(each.system, each.truth_id, each.field) for each in self.planted}
        return [
            Planted(
                "missing_value" if said is None else "spelling", view.entity, view.truth_id, view.system, view.object, column, said, should
            )
            for view in self.views.values()
            for column, said in self.seeding.as_given(view).items()
            if said != (should := self.truth[view.entity][view.truth_id][column]) and (view.system, view.truth_id, column) not in known
        ]

    def start(self, ports: Mapping[str, int] | None = None, beside: Mapping[str, ASGIApp] | None = None) -> None:
        """Serve every system that speaks HTTP on loopback, on these ports or on free ones.

        beside  further applications for the same thread, so that no system is read while they change it
        """
        apps = {name: Faulty(each.app, self.faults[name]) for name, each in self.simulators.items() if each.app}
        self.server = Server(apps | dict(beside or {}), dict(ports or {})).start()
        self.urls = dict(self.server.urls)

    def stop(self) -> None:
        if self.server:
            self.server.stop()

    def write_project(self, folder: Path) -> None:
        """Write a firm's project folder that integrates these systems; `start` first, so that addresses are known."""
        self.folder = folder
        project.write(folder, self)

    def people_edit(self, turn: int) -> list[str]:
        """Let people work between two cycles, the same way every time; one sentence for each thing they did."""
        done = edits.play(self, turn)
        if self.folder:
            project.publish(self.folder, self)
        return done

    def score(self, crossref: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, float]]:
        """Pairwise precision and recall of each entity's links, from {entity: {record_ref: hub id}}.

        A record that the hub does not know counts as linked to nothing; rows planted as contract faults, which belong
        in quarantine, do not count.
        """
        broken = {
            f"{each.system}:{each.object}:{self.seeding.ids.get((each.system, each.entity, each.truth_id, 0))}"
            for each in self.planted
            if each.kind == "contract_fault" and each.field
        }
        return {
            entity: _score({ref: truth_id for ref, truth_id in links.items() if ref not in broken}, crossref.get(entity, {}))
            for entity, links in self.links.items()
        }


def _score(truth_ids: Mapping[str, str], hub_ids: Mapping[str, str]) -> dict[str, float]:
    """From counts of groups, not from pairs: n records in one group make n(n-1)/2 pairs."""
    known = [ref for ref in truth_ids if ref in hub_ids]
    wanted, said = _pairs(truth_ids.values()), _pairs(hub_ids[ref] for ref in known)
    right = _pairs((truth_ids[ref], hub_ids[ref]) for ref in known)
    return {"precision": right / said if said else 1.0, "recall": right / wanted if wanted else 1.0}


def _pairs(groups: Iterable) -> int:
    return sum(comb(count, 2) for count in Counter(groups).values())
