"""Forgets what is older than the firm wants to keep: snapshots, cuts, and the values of writes that are over. What is so today stays so."""

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from assets import anew, rebuild
from hub import baseline, journal_event, journal_search, snapshot, store
from hub.errors import HubError, Refused
from hub.firm import Firm
from hub.journal import Event, Journal
from hub.projection import UNDER_WAY
from hub.snapshot import Manifest

PRESENT = ("canonical.", "identity.", "golden.", "discrepancy.", "outbound.")

# Values of events before a moment, as far as the plan line, the write or the exception that they are about is over.
VALUES = f"""
SELECT v.seq, v.digest FROM value AS v JOIN place AS s ON s.seq = v.seq AND s.digest = v.digest
WHERE s.at_us < epoch_us($before::TIMESTAMP) AND CASE s.kind
  WHEN 'plan.sealed' THEN s.seq NOT IN (SELECT seq FROM cut.journal.sealed)
  WHEN 'push.intended' THEN s.subject NOT IN (SELECT push_id FROM cut.journal.push WHERE state IN {UNDER_WAY})
  WHEN 'push.outcome' THEN s.subject NOT IN (SELECT push_id FROM cut.journal.push WHERE state IN {UNDER_WAY})
  WHEN 'exception.opened' THEN s.subject NOT IN (SELECT id FROM cut.journal.exception)
  ELSE s.kind = 'sensitive.shown' END
ORDER BY ALL"""


@dataclass(frozen=True)
class Due:
    """What is older than it is to be kept: snapshots by object, values of the journal by seq and digest, cuts."""

    snapshots: list[list[Manifest]]
    values: list[tuple[int, str]]
    cuts: list[Path]


def find(firm: Firm, journal: Journal, now: datetime) -> Due:
    """What is due by the firm's retention, at a moment (UTC)."""
    days = firm.retention
    before = lambda count: now - timedelta(days=count)
    return Due(
        _snapshots(firm, before(days.snapshots)) if days.snapshots else [],
        _values(firm, journal, before(days.values)) if days.values else [],
        [cut for cut in anew.cuts(firm)[:-1] if cut.name < before(days.cuts).strftime("%Y%m%dT%H%M%S%f")] if days.cuts else [],
    )


def apply(firm: Firm, journal: Journal, due: Due, actor: str) -> None:
    """Forget what is due. Where values or snapshots go, the hub is built anew, and the older cuts go too.

    Raises Refused when the hub's models have not seen all that it read, and HubError, before a snapshot is touched, when the present would be another.
    """
    if due.snapshots or due.values:
        with store.locked(firm.hub_file):
            read, last_event = anew.read_so_far(firm)
            if unread := {manifest.id for group in due.snapshots for manifest in group} - read:
                raise Refused(f"{min(unread)} was not loaded yet; `hub run` first")
            journal.erase(due.values, _events(firm, due, actor))
            with tempfile.TemporaryDirectory(dir=firm.state, prefix=".retain-") as folder:
                _build(firm, due, read, last_event, Path(folder).resolve())
        anew.publish_alone(firm, journal)
    for cut in due.cuts:
        shutil.rmtree(cut, ignore_errors=True)


def _snapshots(firm: Firm, before: datetime) -> list[list[Manifest]]:
    """The old snapshots of each object that has several."""
    old = [each for each in snapshot.all_manifests(firm.snapshots) if each.taken_at < before.isoformat()]
    of = lambda each: (each.system, each.object)
    groups = [list(group) for _, group in groupby(sorted(old, key=lambda each: (of(each), each.taken_at)), of)]
    return [group for group in groups if len(group) > 1]


def _values(firm: Firm, journal: Journal, before: datetime) -> list[tuple[int, str]]:
    with store.connect() as connection:
        connection.execute(f"ATTACH '{(firm.cuts / 'current').resolve() / firm.hub_file.name}' AS cut (READ_ONLY)")
        journal_search.stored(connection, journal)
        return connection.execute(VALUES, {"before": f"{before:%Y-%m-%d %H:%M:%S.%f}"}).fetchall()


def _events(firm: Firm, due: Due, actor: str) -> list[Event]:
    hashes = {each.id: each.hash for group in due.snapshots for each in group}
    told = {"because": "retention", "days": firm.retention.model_dump(exclude_none=True), "snapshots": hashes}
    return journal_event.erased("retention", [digest for _, digest in due.values], told, actor)


def _build(firm: Firm, due: Due, read: set[str], last_event: int, folder: Path) -> None:
    """Build the hub from what is to be left, and let both take their places when the present is as it was."""
    where = firm.journal if "://" in str(firm.journal) else f"sqlite:///{Path(firm.journal).resolve()}"
    staged = replace(firm, state=folder, journal_said=where)
    made = [baseline.write(firm.snapshots, group, staged.snapshots) for group in due.snapshots]
    left = read - {each.id for group in due.snapshots for each in group}
    for name in left:
        shutil.copytree(firm.snapshots / name, staged.snapshots / name, copy_function=os.link)

    def ready(built: Firm) -> None:
        _check(firm, built)
        for group, manifest in zip(due.snapshots, made, strict=True):
            os.rename(staged.snapshots / manifest.id, firm.snapshots / manifest.id)  # it overrules those before it, should we die here
            for each in group:
                shutil.rmtree(firm.snapshots / each.id)

    anew.build(firm, left | {each.id for each in made}, last_event, staged, ready)


def _check(firm: Firm, built: Firm) -> None:
    said = []
    for each in (firm, built):
        with store.connect(each.hub_file, read_only=True) as connection:
            said.append({table: found for table, found in rebuild.hashes(connection).items() if table.startswith(PRESENT)})
    if differing := sorted(table for table in said[0].keys() | said[1].keys() if said[0].get(table) != said[1].get(table)):
        raise HubError(
            f"without the old snapshots {', '.join(differing[:3])} would be another; nothing was removed. See `hub rebuild --verify`"
        )
