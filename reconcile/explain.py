"""Why a record is as it is: from what the hub wrote back to plan, consent, golden value, snapshot and the evidence of identity."""

import difflib

import duckdb

from hub import entity
from hub.rules import Rules
from reconcile import hub_ids, kinship, lineage, pushes, shown, standing, titled
from reconcile.chain import Chain, Link


def trace(connection: duckdb.DuckDBPyConnection, system: str, each: str, record_id: str, rules: Rules | None = None) -> Chain:
    """The chain behind a record, on a cut or on the hub.

    system     the system that holds it, or "hub" for a hub id or a push
    each       its object there, or the entity that the object holds
    record_id  the system's own id, a hub id, or the id of the push that wrote it
    rules      those of the firm: with them, each value tells by which ownership it won

    A record that nobody knows gives a chain with `found` False that says what is similar.
    """
    pushed = connection.execute(
        "SELECT system, object, coalesce(record_id, hub_id) FROM journal.push WHERE push_id = ? ORDER BY seq DESC LIMIT 1", [record_id]
    ).fetchone()
    if system == "hub" and pushed:
        return trace(connection, *pushed, rules)
    name = _object(connection, system, each)
    ref = f"{system}:{name}:{record_id}"
    tie = connection.execute("SELECT entity, hub_id FROM journal.crossref WHERE record_ref = ?", [ref]).fetchone()
    if tie:
        return _of_record(connection, ref, *tie, rules)
    if holder := connection.execute(
        "SELECT entity, hub_id FROM journal.crossref WHERE hub_id = ? LIMIT 1", [hub_ids.present(connection, record_id)]
    ).fetchone():
        return _of_hub_id(connection, record_id, *holder, rules)
    return _not_there(connection, system, each, name, record_id)


def _of_record(connection: duckdb.DuckDBPyConnection, ref: str, of: str, hub_id: str, rules: Rules | None) -> Chain:
    system, name, record_id = ref.split(":", 2)
    written = pushes.written(connection, of, ref, hub_id, rules)
    open_now = standing.open_about(connection, of, ref, hub_id)
    others = [
        other
        for (other,) in connection.execute(
            "SELECT record_ref FROM journal.crossref WHERE hub_id = ? AND record_ref <> ? ORDER BY 1", [hub_id, ref]
        ).fetchall()
    ]
    kin = Link(
        "hub_id",
        f"{hub_id} since {_since(connection, ref)}",
        tuple(kinship.why_one(connection, of, ref, other) for other in others),
        {"hub_id": hub_id},
    )
    gone = connection.execute(f'SELECT _gone FROM capture."{system}__{name}" WHERE _id = ?', [record_id]).fetchone()
    state = f", {gone[0].replace('_', ' ')} in {system}" if gone and gone[0] else ""
    head = f"{titled.title(connection, of, hub_id)}   {shown.record(ref)}{state}"
    source = pushes.source(connection, ref)
    values = () if written else (standing.golden(connection, of, hub_id, rules),)
    rests_on = lineage.rests_on(connection, of, hub_id)
    return Chain(head, True, (*written, *open_now, kin, source, *rests_on, *values))


def _of_hub_id(connection: duckdb.DuckDBPyConnection, asked: str, of: str, hub_id: str, rules: Rules | None) -> Chain:
    refs = [
        ref for (ref,) in connection.execute("SELECT record_ref FROM journal.crossref WHERE hub_id = ? ORDER BY 1", [hub_id]).fetchall()
    ]
    records = [
        Link("record", shown.record(ref), (kinship.why_one(connection, of, ref, refs[0]),) if ref != refs[0] else (), {"record_ref": ref})
        for ref in refs
    ]
    redirected = () if asked == hub_id else (Link("hub_id", f"{asked} was redirected to {hub_id}", facts={"hub_id": hub_id}),)
    return Chain(
        titled.title(connection, of, hub_id),
        True,
        (
            *redirected,
            *records,
            *standing.open_about(connection, of, None, hub_id),
            *lineage.rests_on(connection, of, hub_id),
            standing.golden(connection, of, hub_id, rules),
        ),
    )


def _since(connection: duckdb.DuckDBPyConnection, ref: str) -> str:
    """When the record got its present hub id, and what it had before."""
    ties = connection.execute(
        """
      SELECT f.hub_id, e.happened_at, e.seq FROM journal.former AS f JOIN journal.event AS e ON e.seq = f.seq
      WHERE f.record_ref = ? ORDER BY f.seq DESC LIMIT 2""",
        [ref],
    ).fetchall()
    if not ties:
        return "it was first read: the id follows from its own number"
    return f"{shown.at(ties[0][1])} (journal event {ties[0][2]})" + (f", before that {ties[1][0]}" if len(ties) > 1 else "")


def _object(connection: duckdb.DuckDBPyConnection, system: str, each: str) -> str:
    """The object's own name, when it was written in other letters or as the entity that it holds."""
    names = _objects(connection, system)
    if found := next((name for name in names if name.lower() == each.lower()), None):
        return found
    if each in entity.all_entities() and _exists(connection, "canonical", each):
        row = connection.execute(f"SELECT object FROM canonical.{each} WHERE system = ? ORDER BY object LIMIT 1", [system]).fetchone()
        return row[0] if row else each
    return each


def _objects(connection: duckdb.DuckDBPyConnection, system: str) -> list[str]:
    prefix = f"{system}__"
    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'capture' AND starts_with(table_name, ?) ORDER BY 1",
        [prefix],
    ).fetchall()
    return [table.removeprefix(prefix) for (table,) in tables]


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    return bool(
        connection.execute("SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?", [schema, table]).fetchone()
    )


def _not_there(connection: duckdb.DuckDBPyConnection, system: str, each: str, name: str, record_id: str) -> Chain:
    """What is in quarantine under this id, else what is similar."""
    waiting = connection.execute(
        "SELECT reason, quarantined_at, snapshot FROM capture.quarantine WHERE system = ? AND object = ? AND record_id = ?",
        [system, name, record_id],
    ).fetchall()
    if waiting:
        said = tuple(
            Link("exception", f"in quarantine since {shown.at(since)}: {reason} · snapshot {snapshot}", facts={"snapshot": snapshot})
            for reason, since, snapshot in waiting
        )
        return Chain(f"{system} {name} {record_id}: read, and broken ever since", True, said)
    if not _objects(connection, system):
        known = sorted(
            {
                table.split("__")[0]
                for (table,) in connection.execute(
                    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'capture' AND contains(table_name, '__')"
                ).fetchall()
            }
        )
        return Chain(
            f"{system} {each} {record_id} is not known",
            False,
            (Link("hint", f"there is no system {system}; there are {', '.join(known)}"),),
        )
    if name not in _objects(connection, system):
        return Chain(
            f"{system} {each} {record_id} is not known",
            False,
            (Link("hint", f"{system} has no object {each}; it has {', '.join(_objects(connection, system))}"),),
        )
    ids = [
        found
        for (found,) in connection.execute(
            f'SELECT _id FROM capture."{system}__{name}" ORDER BY levenshtein(_id, ?), _id LIMIT 50', [record_id]
        ).fetchall()
    ]
    similar = difflib.get_close_matches(record_id, ids, n=3, cutoff=0.5)
    elsewhere = connection.execute(
        "SELECT record_ref FROM journal.crossref WHERE ends_with(record_ref, ':' || ?) ORDER BY 1 LIMIT 3", [record_id]
    ).fetchall()
    hints = [Link("hint", f"similar: {system} {name} {found}") for found in similar] + [
        Link("hint", f"the same id elsewhere: {shown.record(ref)}") for (ref,) in elsewhere
    ]
    return Chain(
        f"{system} {name} {record_id} is not known",
        False,
        tuple(hints) or (Link("hint", "nothing is similar; `hub run` reads what is new"),),
    )
