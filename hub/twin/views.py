"""What each system knows: which truth it holds a record of, and how it spells it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hub.mapping import Object, System
from hub.twin import spelling
from hub.twin.people import Row, Rows

Truth = dict[str, Rows]
SPELL: dict[str, Callable[[str, Random, Row], Row]] = {
    "customer": spelling.customer,
    "contact": spelling.contact,
    "worker": spelling.worker,
}


@dataclass(frozen=True)
class View:
    """One record that one system holds.

    copy    0, or the number of a duplicate
    values  {canonical column: value}, only columns that the system maps; a _ref holds a truth id
    raw     {source field: value} as no mapping would say it: contract faults and loose references; an empty key has no link
    """

    system: str
    object: str
    entity: str
    truth_id: str
    copy: int
    values: Row
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.system, self.entity, self.truth_id, self.copy


def views(seed: int, truth: Truth, systems: dict[str, System]) -> list[View]:
    """Every record of every system, without planted differences; in an order in which references come first."""
    return [
        view(seed, system, each, truth, truth_id)
        for entity in truth
        for system in systems.values()
        if (each := object_of(system, entity))
        for truth_id in covered(system.system, entity, truth)
    ]


def view(seed: int, system: System, each: Object, truth: Truth, truth_id: str) -> View:
    """A truth as a system spells it; the same every time, whatever else the system holds."""
    row = truth[each.of][truth_id]
    draw = Random(f"{seed}:{system.system}:{truth_id}")
    said = SPELL.get(each.of, lambda _, __, row: row)(system.system, draw, row)
    return View(system.system, each.name, each.of, truth_id, 0, {column: said[column] for column in each.columns() if column in said})


def object_of(system: System, entity: str) -> Object | None:
    """The object that holds an entity in a system; the first, where there are several."""
    return next((each for each in system.objects.values() if each.of == entity), None)


def covered(system: str, entity: str, truth: Truth) -> Collection[str]:
    """The truths of which a system holds a record."""
    rule = COVERAGE.get((system, entity))
    return rule(truth) if rule else ()


def _all(entity: str) -> Callable[[Truth], Collection[str]]:
    return lambda truth: truth[entity]


def _where(entity: str, holds: Callable[[str, Row], bool]) -> Callable[[Truth], Collection[str]]:
    return lambda truth: [truth_id for truth_id, row in truth[entity].items() if holds(truth_id, row)]


def _customers_of(entity: str) -> Callable[[Truth], Collection[str]]:
    return lambda truth: sorted({row["customer_ref"] for row in truth[entity].values()})


def _archived(truth: Truth) -> list[str]:
    """The file of the old ledger: customers, not prospects, up to the day it was closed."""
    known = list(truth["customer"])[: len(truth["customer"]) * 55 // 100]
    return [truth_id for truth_id in known if truth["customer"][truth_id]["life_cycle"] != "prospect"]


def _archived_contacts(truth: Truth) -> list[str]:
    known = set(_archived(truth))
    return [truth_id for truth_id, row in truth["contact"].items() if row["is_billing"] and row["customer_ref"] in known]


COVERAGE: dict[tuple[str, str], Callable[[Truth], Collection[str]]] = {
    ("salesforce", "customer"): _all("customer"),
    ("salesforce", "contact"): _where("contact", lambda truth_id, row: int(truth_id[-4:]) % 8 != 0),
    ("salesforce", "opportunity"): _all("opportunity"),
    ("salesforce", "invoice"): _where("invoice", lambda truth_id, row: row["status"] != "draft"),
    ("ironclad", "customer"): _customers_of("contract"),
    # Until a contract is signed it is a workflow, no record.
    ("ironclad", "contract"): _where("contract", lambda truth_id, row: row["status"] != "draft"),
    ("kantata", "customer"): _customers_of("project"),
    ("kantata", "worker"): _all("worker"),
    ("kantata", "project"): _all("project"),
    ("kantata", "time_entry"): _all("time_entry"),
    ("netsuite", "customer"): _where("customer", lambda truth_id, row: row["life_cycle"] != "prospect"),
    ("netsuite", "worker"): _all("worker"),
    ("netsuite", "contract"): _where("contract", lambda truth_id, row: row["kind"] != "msa" and row["status"] != "draft"),
    ("netsuite", "project"): _all("project"),
    ("netsuite", "time_entry"): _where("time_entry", lambda truth_id, row: row["status"] in ("approved", "invoiced")),
    ("netsuite", "invoice"): _all("invoice"),
    ("bamboohr", "worker"): _where("worker", lambda truth_id, row: row["kind"] == "employee" or int(truth_id[-4:]) % 10 == 0),
    ("files", "customer"): _archived,
    ("files", "contact"): _archived_contacts,
}
