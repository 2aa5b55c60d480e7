"""Takes and loads the snapshots of one system, object by object; what goes wrong with one does not stop the others.

Rows in quarantine are validated again when somebody asked for it, and when the contract is another than it was then.
"""

import logging
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl

from hub import capture, contract, projection, snapshot, store
from hub.capture import Loaded
from hub.errors import ContractBroken, SystemUnavailable
from hub.firm import Firm, Member
from hub.journal import Journal
from hub.mapping import Object
from hub.snapshot import Manifest
from hub.systems.connector import Connector
from reconcile import exceptions, replay
from reconcile.exceptions import Trouble

log = logging.getLogger(__name__)
KINDS = ("contract", "unreachable", "quarantine", "unmapped", "partial")


@dataclass
class Observed:
    """What one pass over a system saw, by object; `released` counts the rows that a replay let out of quarantine."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What the hub knows of an object before a read.

    newest the newest snapshot, which may be a replay
    last   the newest read
    whole  the newest complete full read: until there is one under the contract of today, nothing less will do
    belied whether a look has shown since what an incremental read would not
    """

    newest: Manifest | None
    last: Manifest | None
    whole: Manifest | None
    watermark: str | None
    ids: pl.Series
    belied: bool

    def since(self, each: Object) -> str | None:
        """Where an incremental read may start; None: only a full one will do."""
        is_whole = self.whole and self.whole.contract == contract.version(each)
        return self.watermark if each.changed and is_whole and not self.belied else None


def observe(firm: Firm, name: str, journal: Journal, objects: Iterable[str] | None = None, full: bool = False) -> Observed:
    """Read a system's objects, all or some; incrementally where it can be, unless `full`.

    The hub is opened twice, before and after: while the system answers, others may write.
    """
    member, seen = firm.systems[name], Observed()
    wanted = [each for each in member.system.objects.values() if objects is None or each.name in objects]
    with store.locked(firm.state / f"observe-{name}"):  # two processes that read at once would clear away each other's drafts
        with store.writing(firm.hub_file) as connection:
            _prepare(connection, firm)
            known = {each.name: _known(connection, firm, member, each) for each in wanted}
        with closing(member.connect()) as connector:
            for each in wanted:
                _take(firm, member, each, connector, known[each.name], seen, full)
        with store.writing(firm.hub_file) as connection:
            projection.load(connection, journal)
            for each in wanted:
                _load(connection, firm, member, each, seen)
                _replay(connection, firm, member, each, seen)
            seen.troubles += _quarantined(connection, name)
            exceptions.settle(connection, journal, f"{name} ", KINDS, seen.troubles)
    return seen


def _take(firm: Firm, member: Member, each: Object, connector: Connector, known: Known, seen: Observed, full: bool) -> None:
    about = f"{member.system.system} {each.name}"
    since = None if full else known.since(each)
    try:
        seen.manifests[each.name] = snapshot.take(
            member.system,
            each,
            connector,
            firm.snapshots,
            at=_now(known.newest),
            since=since,
            known=known.ids if since is None else None,
            before=known.last,
        )
    except ContractBroken as broken:
        seen.troubles.append(Trouble("contract", about, str(broken), "engineer"))
    except SystemUnavailable as unavailable:
        seen.troubles.append(Trouble("unreachable", about, str(unavailable), "engineer"))


def _load(connection: duckdb.DuckDBPyConnection, firm: Firm, member: Member, each: Object, seen: Observed) -> None:
    if manifest := seen.manifests.get(each.name):
        _note(
            seen, f"{member.system.system} {each.name}", manifest, capture.load(connection, member.system, each, manifest, firm.snapshots)
        )


def _replay(connection: duckdb.DuckDBPyConnection, firm: Firm, member: Member, each: Object, seen: Observed) -> None:
    """Validate the rows in quarantine again when that is due; what is still broken stays there, as old as it is."""
    if raw := replay.due(connection, member.system.system, each):
        newest = snapshot.all_manifests(firm.snapshots / member.system.system / each.name)[-1]
        manifest = snapshot.replay(member.system, each, raw, firm.snapshots, at=_now(newest))
        loaded = capture.load(connection, member.system, each, manifest, firm.snapshots)
        seen.released[each.name] = manifest.rows - manifest.quarantined
        log.info(
            "%s %s: %d of %d quarantined rows released, %s",
            member.system.system,
            each.name,
            seen.released[each.name],
            manifest.rows,
            loaded.changes,
        )


def _now(newest: Manifest | None) -> datetime:
    """The present, and later than the newest snapshot even when the clock was put back: their order is the order of truth."""
    return max(datetime.now(UTC), datetime.fromisoformat(newest.taken_at) + timedelta(microseconds=1)) if newest else datetime.now(UTC)


def _note(seen: Observed, about: str, manifest: Manifest, loaded: Loaded) -> None:
    seen.changes[manifest.object] = loaded.changes
    if manifest.unmapped:
        seen.troubles.append(
            Trouble(
                "unmapped", about, f"{about} sends {', '.join(manifest.unmapped)}; map it or add it to ignore in system.yaml", "engineer"
            )
        )
    if not manifest.complete:
        seen.troubles.append(
            Trouble(
                "partial",
                about,
                f"{about}: the read ended before the last page; nothing was taken for deleted, the next run reads again",
                "engineer",
            )
        )
    log.info(
        "%s: %d records fetched, %s",
        about,
        manifest.rows,
        ", ".join(f"{count} {kind}" for kind, count in loaded.changes.items()) or "nothing changed",
    )


def _prepare(connection: duckdb.DuckDBPyConnection, firm: Firm) -> None:
    capture.prepare(connection, (member.system for member in firm.systems.values()))
    projection.prepare(connection)


def _known(connection: duckdb.DuckDBPyConnection, firm: Firm, member: Member, each: Object) -> Known:
    """What the hub knows of an object, after loading what an earlier, killed run took and did not load."""
    taken = snapshot.all_manifests(firm.snapshots / member.system.system / each.name)
    capture.load_missing(connection, member.system, taken, firm.snapshots)
    ids = (
        connection.execute(
            f"SELECT _id FROM {capture.table(member.system.system, each.name)} WHERE COALESCE(_gone, 'not_visible') = 'not_visible'"
        )
        .pl()
        .get_column("_id")
    )
    reads = [manifest for manifest in taken if manifest.kind != "replay"]
    whole = [manifest for manifest in reads if manifest.kind == "full" and manifest.complete]
    marks = [manifest.watermark for manifest in reads if manifest.watermark]
    belied = connection.execute(
        "SELECT 1 FROM capture.belied WHERE system = ? AND object = ?", [member.system.system, each.name]
    ).fetchone()
    newest = [found[-1] if found else None for found in (taken, reads, whole, marks)]
    return Known(*newest, ids, belied is not None)


def _quarantined(connection: duckdb.DuckDBPyConnection, system: str) -> list[Trouble]:
    rows = connection.execute(
        """
      SELECT object, coalesce(nullif(record_id, ''), '(no key)'),
        concat(reason, CASE WHEN raw IS NULL THEN '; the next run asks again' ELSE '; correct the record, or system.yaml and then `hub replay`' END)
      FROM capture.quarantine WHERE system = ? ORDER BY ALL""",
        [system],
    ).fetchall()
    return [
        Trouble(
            "quarantine",
            f"{system} {name} {key}",
            f"{system} {name} {key}: {says}",
            "engineer",
        )
        for name, key, says in rows
    ]
