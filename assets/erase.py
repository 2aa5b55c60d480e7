"""Erases what the hub holds of a person: in snapshots, in the journal, in the hub and in its cuts. What they are tied to stays.

Each step can be done again, so that an erasure which was cut off is finished by the next one.
"""

from dataclasses import dataclass
from itertools import combinations
from uuid import uuid4

import duckdb

from assets import anew
from assets.understand import understand
from hub import capture, entity, journal_event, journal_search, personal, snapshot, store
from hub.errors import Refused
from hub.firm import Firm
from hub.journal import Event, Journal
from reconcile import hub_ids


@dataclass(frozen=True)
class Person:
    """A hub id with all its records, or a record that has none. `names`: what the journal calls them."""

    name: str
    entity: str | None
    refs: list[str]
    names: list[str]


@dataclass(frozen=True)
class Held:
    """What the hub holds of a person.

    snapshots  {snapshot id: rows}
    tables     {table: rows} of the hub
    journal    (seq, digest) of values
    in_clear   events of an earlier version that hold values in their bodies
    cuts       copies of the hub
    outside    what lies elsewhere, and has to be done there
    """

    person: Person
    snapshots: dict[str, int]
    tables: dict[str, int]
    journal: list[tuple[int, str]]
    in_clear: list[int]
    cuts: int
    outside: list[str]


def find(firm: Firm, journal: Journal, said: str) -> Held:
    """What the hub holds of the person behind a hub id or a record. Raises Refused for one that it does not know."""
    with store.reading(firm.cuts) as cut, store.connect() as connection:
        person = _person(cut, said)
        found = journal_search.of_person(connection, journal, person.names, personal.words(connection, firm.snapshots, person.refs))
        return Held(
            person,
            personal.snapshots_with(connection, firm.snapshots, person.refs),
            _tables(cut, firm, person),
            found.values,
            found.in_clear,
            len(anew.cuts(firm)),
            _outside(cut, firm, person.refs),
        )


def erase(firm: Firm, journal: Journal, held: Held, reason: str, actor: str) -> None:
    """Erase all that was found, tell the journal, build the hub anew and publish it; older cuts go.

    Raises Refused when the journal holds values in bodies of an earlier version, and when the hub's models have not seen all that it read.
    """
    if held.in_clear:
        told = ", ".join(str(seq) for seq in held.in_clear[:3])
        raise Refused(
            f"{len(held.in_clear)} events of the journal were recorded by an earlier version and hold values in their bodies ({told} …); "
            f"write it anew with `hub journal reseal`, see docs/journal.md"
        )
    _keep_together(firm, journal, held.person, reason, actor)
    with store.locked(firm.hub_file):
        snapshots, last_event = anew.read_so_far(firm)
        journal.erase(held.journal, _events(firm, held, reason, actor))
        with store.connect() as connection:
            personal.blank(connection, firm.snapshots, held.person.refs)
        anew.build(firm, snapshots, last_event)
    anew.publish_alone(firm, journal)


def _person(cut: duckdb.DuckDBPyConnection, said: str) -> Person:
    ref = ":".join(said.split(maxsplit=2)) if ":" not in said else said
    tie = cut.execute(
        "SELECT entity, hub_id FROM journal.crossref WHERE record_ref = ? OR hub_id = ? LIMIT 1", [ref, hub_ids.present(cut, said)]
    ).fetchone()
    if tie:
        refs = [each for (each,) in cut.execute("SELECT record_ref FROM journal.crossref WHERE hub_id = ? ORDER BY 1", [tie[1]]).fetchall()]
        # Ids that no other record ever had stand beside what was said of these.
        former = "SELECT hub_id FROM journal.former GROUP BY hub_id HAVING bool_and(list_contains(?, record_ref))"
        return Person(tie[1], tie[0], refs, [*refs, tie[1], *(each for (each,) in cut.execute(former, [refs]).fetchall())])
    waiting = "SELECT 1 FROM capture.quarantine WHERE concat_ws(':', system, object, record_id) = ?"
    if not cut.execute(waiting, [ref]).fetchone():
        raise Refused(f"{said} is no hub id and no record that the hub knows; name it SYSTEM:OBJECT:ID, as `hub trace` shows it")
    return Person(ref, None, [ref], [ref])


def _tables(cut: duckdb.DuckDBPyConnection, firm: Firm, person: Person) -> dict[str, int]:
    """Rows of the hub that say something personal of them, as the newest cut has it."""
    found = {}
    for (system, name), ids in personal.by_object(person.refs).items():
        each = firm.systems[system].system.objects.get(name) if system in firm.systems else None
        if each and (said := " OR ".join(f'"{path}" IS NOT NULL' for path in personal.fields(each))):
            rows = f"SELECT count(*) FROM {capture.table(system, name)} WHERE list_contains(?, _id) AND ({said})"
            found[f"capture.{system}__{name}"] = cut.execute(rows, [ids]).fetchone()[0]
    return {table: rows for table, rows in found.items() if rows}


def _outside(cut: duckdb.DuckDBPyConnection, firm: Firm, refs: list[str]) -> list[str]:
    """What lies where the hub can't erase, in sentences that say what to do."""
    told = []
    for (system, name), ids in personal.by_object(refs).items():
        for (record_id,) in cut.execute(
            f"SELECT _id FROM {capture.table(system, name)} WHERE list_contains(?, _id) AND _gone IS NULL ORDER BY 1", [ids]
        ).fetchall():
            told.append(f"{system} {name} {record_id} is still there: erase it in {system} first, or the next read brings its values back")
    inside = {firm.hub_file, *firm.cuts.rglob("hub.duckdb")}
    told += [f"{copy} is another copy of the hub: remove it" for copy in sorted(set(firm.state.rglob("hub.duckdb")) - inside)]
    told += [f"{file} is a report: remove it if it names the person" for file in sorted(firm.out.glob("report-*"))]
    return [
        *told,
        "backups of snapshots, journal and cuts, exports, and what was copied from any of them: let them expire, or erase there too",
    ]


def _keep_together(firm: Firm, journal: Journal, person: Person, reason: str, actor: str) -> None:
    """Have it decided that the records are one: by their values nobody could tell any more, and they would be taken for several."""
    if not person.entity or not entity.all_entities()[person.entity].identity.evidence:
        return
    with store.reading(firm.cuts) as cut:
        said = cut.execute("SELECT left_ref, right_ref FROM journal.decision WHERE verdict = 'same'").fetchall()
    shared = {"entity": person.entity, "verdict": "same", "decision": f"D-{uuid4().hex[:8]}", "command": "erase", "because": reason}
    pairs = [pair for pair in combinations(sorted(person.refs), 2) if pair not in said]
    journal.append([Event("match.decided", " ".join(pair), shared | {"left_ref": pair[0], "right_ref": pair[1]}, actor) for pair in pairs])
    understand(firm, journal)


def _events(firm: Firm, held: Held, reason: str, actor: str) -> list[Event]:
    hashes = {name: snapshot.read_manifest(firm.snapshots / name).hash for name in held.snapshots}
    told = {"because": reason, "records": held.person.refs, "snapshots": hashes}
    return journal_event.erased(held.person.name, [digest for _, digest in held.journal], told, actor)
