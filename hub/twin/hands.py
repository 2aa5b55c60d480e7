"""A hand in the systems: finds, changes, deletes and merges records as a person does, and keeps the truth and the lists right."""

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from hub.twin.ground import Planted
from hub.twin.views import View, object_of

if TYPE_CHECKING:
    from hub.twin.twin import Twin


class People:
    """The firm's people at work in a turn."""

    def __init__(self, twin: "Twin", draw: Random, turn: int):
        self.twin, self.draw, self.turn = twin, draw, turn

    def find(self, system: str, entity: str, copy: int = 0, **truth: Any) -> list[View]:
        """Records of a system whose truth has these values."""
        rows = self.twin.truth.get(entity, {})
        return [
            view
            for view in self.twin.views.values()
            if (view.system, view.entity, view.copy) == (system, entity, copy)
            and all(rows[view.truth_id].get(column) == value for column, value in truth.items())
        ]

    def one(self, system: str, entity: str, **truth: Any) -> View | None:
        found = self.find(system, entity, **truth)
        return self.draw.choice(found) if found else None

    def change(self, view: View, **values: Any) -> None:
        """A person changes a record in its system."""
        self.twin.seeding.update(view, **values)
        self.twin.views[view.key] = replace(view, values=view.values | values)

    def make_true(self, view: View, **values: Any) -> None:
        """The owner changes it, so it is so, and every other system that says something else differs."""
        self.change(view, **values)
        self.twin.truth[view.entity][view.truth_id] |= values
        same = [each for each in self.twin.views.values() if (each.entity, each.truth_id) == (view.entity, view.truth_id)]
        for each in same:
            for column in sorted(values.keys() & each.values.keys()):
                self.differs(each, column)

    def differs(self, view: View, column: str) -> None:
        """List what a system says that is not so, once for each cell; a cell that is right again leaves the list."""
        said, should = view.values[column], self.twin.truth[view.entity][view.truth_id][column]
        kept = [each for each in self.twin.planted if (each.system, each.truth_id, each.field) != (view.system, view.truth_id, column)]
        new = (
            [Planted("value_differs", view.entity, view.truth_id, view.system, view.object, column, said, should)] if said != should else []
        )
        self.twin.planted[:] = kept + new

    def missing(self, system: str, entity: str, truth_id: str) -> None:
        """List a record that should now be in a system and is not."""
        if system in self.twin.systems and (system, entity, truth_id, 0) not in self.twin.views:
            name = object_of(self.twin.systems[system], entity).name
            self.twin.planted.append(Planted("missing_counterpart", entity, truth_id, system, name, "", None, truth_id))

    def gone(self, view: View, into: View | None = None) -> None:
        """A person deletes a record, or merges it into another."""
        ids = self.twin.seeding.ids
        self.twin.simulators[view.system].tables[view.object].delete(ids.pop(view.key), into=ids[into.key] if into else None)
        del self.twin.views[view.key]
