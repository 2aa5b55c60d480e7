"""Where differences are planted: the systems' views, and the list of what has been changed in them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hub.mapping import System
from hub.twin.people import Row
from hub.twin.views import Truth, View


@dataclass(frozen=True)
class Planted:
    """One difference: `said` is in the system, `should` is the truth. `field` is a canonical column, empty for a whole record."""

    kind: str
    entity: str
    truth_id: str
    system: str
    object: str
    field: str
    said: Any
    should: Any


@dataclass
class Ground:
    """The views as they stand, what has been planted, and which truths are used up, so that no two plants touch one thing."""

    truth: Truth
    systems: dict[str, System]
    views: dict[tuple[str, str, str, int], View]
    draw: Random
    planted: list[Planted] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def pick(
        self, count: int, system: str, entity: str, when: Callable[[Row], bool] = lambda row: True, has: str | None = None
    ) -> list[View]:
        """Some untouched records of a system whose truth is so and that have a column; fewer when there are no more."""
        found = [
            view
            for view in self.views.values()
            if (view.system, view.entity) == (system, entity)
            and view.copy == 0
            and not self._taken(view)
            and (has is None or view.values.get(has) is not None)
            and when(self.truth[entity][view.truth_id])
        ]
        chosen = self.draw.sample(found, min(count, len(found)))
        self.used |= {view.truth_id for view in chosen}
        return chosen

    def say(self, kind: str, view: View, **values: Any) -> None:
        """Let a record say something else; what happens to be right is not listed."""
        row = self.truth[view.entity][view.truth_id]
        self.views[view.key] = replace(view, values=view.values | values)
        self.planted += [
            Planted(kind, view.entity, view.truth_id, view.system, view.object, column, said, row[column])
            for column, said in values.items()
            if said != row[column]
        ]

    def drop(self, system: str, entity: str, truth_id: str) -> None:
        """Leave a record out of a system."""
        if view := self.views.pop((system, entity, truth_id, 0), None):
            self.used.add(truth_id)
            self.planted.append(Planted("missing_counterpart", entity, truth_id, system, view.object, "", None, truth_id))

    def double(self, view: View, **values: Any) -> None:
        """Let a system hold a thing a second time, in other words."""
        twin = replace(view, copy=1, values=view.values | {column: value for column, value in values.items() if column in view.values})
        self.views[twin.key] = twin
        self.planted.append(Planted("duplicate", view.entity, view.truth_id, view.system, view.object, "", view.truth_id, None))

    def spoil(self, kind: str, view: View, column: str, bad: Any) -> None:
        """Let a record carry something that no mapping would write."""
        source = self.systems[view.system].objects[view.object].columns()[column][1].source
        should = self.truth[view.entity][view.truth_id][column]
        self.views[view.key] = replace(view, raw={source: bad})
        self.planted.append(Planted(kind, view.entity, view.truth_id, view.system, view.object, column, bad, should))

    def add_without_key(self, view: View) -> None:
        """Let a system have one more row of a thing, without the key."""
        row = replace(view, copy=1, raw={self.systems[view.system].objects[view.object].key: ""})
        self.views[row.key] = row
        self.planted.append(Planted("contract_fault", view.entity, view.truth_id, view.system, view.object, "", "", None))

    def _taken(self, view: View) -> bool:
        row = self.truth[view.entity][view.truth_id]
        return view.truth_id in self.used or row.get("customer_ref") in self.used
