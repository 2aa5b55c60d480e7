"""Puts what systems know into their simulators, in the vendors' own fields."""

from collections.abc import Mapping
from typing import Any

from hub import mapping, nested
from hub.mapping import Object, System
from hub.systems.simulator import Record, Table
from hub.twin.people import Row
from hub.twin.views import Truth, View


class Seeding:
    """Fills simulators' tables and keeps the local ids.

    tables  {system: {object: Table}}
    ids     {(system, entity, truth id, copy): local id}
    """

    def __init__(self, systems: Mapping[str, System], tables: Mapping[str, Mapping[str, Table]], truth: Truth):
        self.systems, self.tables, self.truth = systems, tables, truth
        self.objects = {(system.system, each.name): all_writable(each) for system in systems.values() for each in system.objects.values()}
        self.ids: dict[tuple[str, str, str, int], str] = {}

    def create(self, view: View) -> str:
        """Enter a record and give its local id. Whatever lies in the system's own key becomes the truth."""
        each = self.objects[view.system, view.object]
        table = self.tables[view.system][view.object]
        # An object may be a part of a vendor's table, of which `read` asks for `only` those.
        record_id = table.create(self.fields(view.system, view.object, self.as_given(view)) | each.read.get("only", {}))
        if view.raw:
            table.update(record_id, self._raw(view))
        self.ids[view.key] = record_id
        for column, (_, where) in each.columns().items():
            if where.source == each.key:
                self.truth[view.entity][view.truth_id][column] = record_id
        return record_id

    def update(self, view: View, **values: Any) -> None:
        """Let a person change some columns of a record."""
        body = self.fields(view.system, view.object, values)
        self.tables[view.system][view.object].update(self.ids[view.key], body)

    def fields(self, system: str, name: str, values: Row) -> Record:
        """Canonical columns in a system's own fields, references as its own ids; what is empty is left out."""
        each = self.objects[system, name]
        columns = each.columns()
        known = {
            column: self._local(system, columns[column][1].object, value)
            for column, value in values.items()
            if columns[column][1].source not in (None, each.key, each.changed)
        }
        return mapping.outward(each, {column: value for column, value in known.items() if value is not None}, self.systems[system].nested)

    def as_given(self, view: View) -> Row:
        """Values, with those that another system's key has given meanwhile."""
        given = {column: self.truth[view.entity][view.truth_id][column] for column in view.values if (view.entity, column) in GIVEN}
        return view.values | given

    def _raw(self, view: View) -> Record:
        body: Record = {}
        for path, value in view.raw.items():
            nested.put(body, path, value, self.systems[view.system].nested)
        return body

    def _local(self, system: str, name: str | None, value: Any) -> Any:
        """The system's own id for a reference; None when the system does not hold what it points at."""
        if name is None or value is None:
            return value
        return self.ids.get((system, self.systems[system].objects[name].of, value, 0))


GIVEN = {("time_entry", "entry_number")}  # whoever enters it first numbers it


def all_writable(each: Object) -> Object:
    """The object as its own people see it: every mapped field can be set."""
    fields = {
        name: {part: column.model_copy(update={"write": True}) for part, column in parts.items()} for name, parts in each.fields.items()
    }
    return each.model_copy(update={"fields": fields})
