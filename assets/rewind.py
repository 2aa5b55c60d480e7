"""Builds the hub again as of a day, as it was known at a moment: from what had been read and decided by then, under the rules of then.

A snapshot or an event counts if it was known at the moment. Of each record the newest version counts that had become what it is
by the day: by its own stamp, else by when it was read. So everything follows by the same steps as in the hub itself.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import duckdb

from assets import hub_file
from assets.understand import understand
from hub import capture, changes, firm, journal, journal_body, rule_history, snapshot, store
from hub.errors import Refused
from hub.firm import Firm
from hub.mapping import Object, System
from hub.snapshot import Manifest


def build(live: Firm, into: Path, valid: datetime, known: datetime, only: Iterable[str] | None = None) -> Firm:
    """The firm with its hub as of then in an empty folder, under the rules of then.

    only  record_refs to build it from; all by default
    """
    if into.exists() and any(into.iterdir()):
        raise Refused(f"{into} is not empty; name a new folder")
    with journal.open(live.journal) as entries:
        then = _under_rules(live, into, rule_history.at_time(entries, valid, known))
        make_empty(then)
        with journal.open(then.journal) as copied:
            journal.copy(entries, copied, entries.last(known))
            with store.writing(then.hub_file) as connection:
                _load(connection, live, then, valid, known, only)
            understand(then, copied, remembered=True)
    return then


def _under_rules(live: Firm, into: Path, texts: dict[str, str] | None) -> Firm:
    """The firm as these rules describe it, its state below the folder; as it is today when they are today's."""
    state = into.resolve() / "state"
    into.mkdir(parents=True, exist_ok=True)
    if texts is None or texts == rule_history.files(str(live.folder.resolve())):
        return replace(live, state=state, journal_said="")
    rule_history.write(into / "rules", texts)
    return replace(firm.read(into.resolve() / "rules"), state=state)


def make_empty(then: Firm) -> None:
    """Make the state folder of a firm that has read nothing."""
    then.state.mkdir(parents=True)
    with store.locked(then.hub_file):
        hub_file.prepare(then)


def _load(
    connection: duckdb.DuckDBPyConnection, live: Firm, then: Firm, valid: datetime, known: datetime, only: Iterable[str] | None
) -> None:
    """Bring in what was read by `known`, each snapshot without the rows that are later than `valid` or not asked for."""
    until = journal_body.utc(known).isoformat()
    manifests = [each for each in snapshot.all_manifests(live.snapshots) if each.taken_at <= until]
    connection.execute("CREATE OR REPLACE TEMP TABLE asked_for (record_ref VARCHAR)")
    if only is not None:
        connection.execute("INSERT INTO asked_for SELECT unnest(?::VARCHAR[])", [sorted(only)])
    where = {manifest.id: folder for manifest, folder in _cut_down(connection, live, then.state, manifests, valid, only is not None)}
    for manifest in manifests:
        if folder := where.get(manifest.id):
            member = then.systems.get(manifest.system)
            system = member.system if member else System(system=manifest.system, role="", objects={})
            capture.load_missing(connection, system, [manifest], folder)


def _cut_down(
    connection: duckdb.DuckDBPyConnection, live: Firm, state: Path, manifests: list[Manifest], valid: datetime, chosen: bool
) -> Iterator[tuple[Manifest, Path]]:
    """The snapshots of which something counts, each with the folder where no more than that stands."""
    alike = lambda each: (each.system, each.object, each.contract)
    for _, group in groupby(sorted(manifests, key=alike), alike):
        group = list(group)
        each = snapshot.read_contract(live.snapshots / group[0].id)
        keep = _keep(each, group[0], valid, chosen)
        files = [str(live.snapshots / manifest.id / "rows.parquet") for manifest in group]
        counts = connection.execute(
            f"SELECT filename, count(*) FILTER ({keep}), count(*) FROM read_parquet($1, filename = true) GROUP BY 1", [files]
        ).fetchall()
        kept = {name: (some, some == every) for name, some, every in counts}
        for manifest, file in zip(group, files, strict=True):
            some, all_of_it = kept.get(file, (0, True))
            in_time = manifest.taken_at <= journal_body.utc(valid).isoformat()
            if all_of_it and in_time and not chosen:
                yield manifest, live.snapshots
            elif some or (in_time and manifest.gone):
                yield manifest, _write(connection, live.snapshots, state / "snapshots", manifest, keep, in_time)


def _keep(each: Object, manifest: Manifest, valid: datetime, chosen: bool) -> str:
    """SQL that tells whether a row counts."""
    read = changes.read_at(r"regexp_extract(filename, '([^/\\]+)[/\\]rows\.parquet$', 1)")
    asked = f"""concat('{manifest.system}:{manifest.object}:', "{each.key}") IN (SELECT record_ref FROM asked_for)""" if chosen else "TRUE"
    return f"{changes.stamp(each, read)} <= TIMESTAMP '{journal_body.utc(valid):%Y-%m-%d %H:%M:%S.%f}' AND {asked}"


def _write(connection: duckdb.DuckDBPyConnection, source: Path, into: Path, manifest: Manifest, keep: str, in_time: bool) -> Path:
    """A snapshot with the rows that count, and what was gone by then."""
    target = into / manifest.id
    target.mkdir(parents=True)
    for name in ("contract.json", "manifest.json"):
        shutil.copyfile(source / manifest.id / name, target / name)
    connection.execute(f"""
      COPY (SELECT * EXCLUDE (file_row_number, filename) FROM read_parquet('{source / manifest.id / "rows.parquet"}', file_row_number = true, filename = true)
        WHERE {keep} ORDER BY file_row_number) TO '{target / "rows.parquet"}' (FORMAT parquet)""")
    connection.execute(
        f"COPY (SELECT * FROM read_parquet('{source / manifest.id / 'gone.parquet'}') WHERE {in_time}) TO '{target / 'gone.parquet'}' (FORMAT parquet)"
    )
    return into
