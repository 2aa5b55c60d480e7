"""Takes a snapshot: what a system said of one object, validated, immutable, with a manifest.

A snapshot is a folder `system/object/taken-at` with four files:

rows.parquet    every row; a broken one has `_reason` and its own text in `_raw`, and is quarantined
gone.parquet    evidence of absence: deleted, merged_into, not_visible or unknown, and how we know
contract.json   the object as system.yaml had it: what the rows promise, and by which key they are known
manifest.json   counts, hash, watermark, version of the contract, complete or partial
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl
from pydantic_core import to_json

from hub import contract, store
from hub.mapping import Object, System
from hub.systems.connector import Connector, Page

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """What a snapshot holds. `kind` is full, incremental, replay or baseline; only a complete full one tells of absence."""

    id: str
    system: str
    object: str
    taken_at: str
    kind: str
    complete: bool
    since: str | None
    watermark: str | None
    rows: int
    quarantined: int
    gone: int
    fields: list[str]
    unmapped: list[str]
    contract: str
    hash: str = ""


def take(
    system: System,
    each: Object,
    connector: Connector,
    folder: Path,
    *,
    at: datetime,
    since: str | None = None,
    known: pl.Series | None = None,
    before: Manifest | None = None,
) -> Manifest:
    """Read one object and keep what it said.

    folder  where snapshots live; the new one becomes visible all at once
    since   watermark of an incremental read; None reads all
    known   ids of the records that were there before; those that a full read misses are looked at one by one
    before  the manifest of the last snapshot, to notice fields that vanished

    Raises ContractBroken (the batch is not kept, nothing changes) and SystemUnavailable.
    """
    final = folder / system.system / each.name / at.strftime("%Y%m%dT%H%M%S%f")
    draft = final.with_name(f".{final.name}.draft")
    for killed in final.parent.glob(".*.draft"):
        shutil.rmtree(killed)
    draft.mkdir(parents=True)
    complete, watermark, fields = _spool(connector.read(each, since), draft / "spool.ndjson")
    kind = "full" if since is None else "incremental"
    manifest = Manifest(
        str(final.relative_to(folder)),
        system.system,
        each.name,
        at.isoformat(),
        kind,
        complete,
        since,
        watermark,
        0,
        0,
        0,
        sorted(fields),
        sorted(contract.unmapped(each, fields)),
        contract.version(each),
    )
    manifest = _validate(system, each, draft, manifest)
    contract.check_batch(system, each, draft / "rows.parquet", manifest, known, before)
    absent = _absent(each, connector, draft / "rows.parquet", known) if complete and kind == "full" else []
    return _seal(each, draft, final, replace(manifest, gone=len(absent)), absent)


def replay(system: System, each: Object, raw: Iterable[str], folder: Path, *, at: datetime) -> Manifest:
    """Validate quarantined rows again, under the contract of today, as a small snapshot of its own."""
    final = folder / system.system / each.name / at.strftime("%Y%m%dT%H%M%S%f")
    draft = final.with_name(f".{final.name}.draft")
    draft.mkdir(parents=True)
    (draft / "spool.ndjson").write_text("".join(line + "\n" for line in raw))
    manifest = Manifest(
        str(final.relative_to(folder)),
        system.system,
        each.name,
        at.isoformat(),
        "replay",
        False,
        None,
        None,
        0,
        0,
        0,
        [],
        [],
        contract.version(each),
    )
    return _seal(each, draft, final, _validate(system, each, draft, manifest), [])


def read_manifest(snapshot: Path) -> Manifest:
    return Manifest(**json.loads((snapshot / "manifest.json").read_text()))


def read_contract(snapshot: Path) -> Object:
    """The object as it was mapped when the snapshot was taken; its rows can be read by no other contract."""
    return Object.model_validate_json((snapshot / "contract.json").read_text())


def is_whole(snapshot: Path) -> bool:
    """Whether the rows are those that the manifest was sealed with."""
    return hash_of(snapshot) == read_manifest(snapshot).hash


def hash_of(snapshot: Path) -> str:
    """The SHA-256 of its rows, in hex."""
    with open(snapshot / "rows.parquet", "rb") as rows:
        return hashlib.file_digest(rows, "sha256").hexdigest()


def all_manifests(folder: Path) -> list[Manifest]:
    """Every snapshot below a folder, oldest first."""
    found = [read_manifest(path.parent) for path in folder.rglob("manifest.json") if path.parent.name[0] != "."]
    return sorted(found, key=lambda manifest: (manifest.taken_at, manifest.id))


def _spool(pages: Iterable[Page], file: Path) -> tuple[bool, str | None, set[str]]:
    complete, watermark, fields = False, None, set()
    with open(file, "wb") as spool:
        for page in pages:
            spool.writelines(to_json(row) + b"\n" for row in page.rows)
            fields |= page.fields if page.fields is not None else set().union(*page.rows)
            complete, watermark = page.last, page.watermark or watermark
    return complete, watermark, fields


def _validate(system: System, each: Object, draft: Path, manifest: Manifest) -> Manifest:
    """Write rows.parquet; returns the manifest with its counts and watermark."""
    rows = draft / "rows.parquet"
    with store.connect() as connection:
        connection.execute(
            f"COPY ({contract.validation(each, draft / 'spool.ndjson', system.nested)}) TO '{rows}' (FORMAT parquet, COMPRESSION zstd)"
        )
        changed = f'max("{each.changed}")' if each.changed else "NULL"
        total, bad, newest = connection.execute(f"SELECT count(*), count(_reason), {changed} FROM read_parquet('{rows}')").fetchone()
    (draft / "spool.ndjson").unlink()
    # A partial read must not move the watermark: the pages that never came would be skipped for good.
    watermark = (manifest.watermark or newest or manifest.since) if manifest.complete else manifest.since
    return replace(manifest, rows=total, quarantined=bad, watermark=watermark)


def _absent(each: Object, connector: Connector, rows: Path, known: pl.Series | None) -> list[dict]:
    """What became of the records that a complete full read no longer shows."""
    if known is None or known.is_empty():
        return []
    present = pl.scan_parquet(rows).select(pl.col(each.key).cast(pl.String)).collect().to_series()
    missing = known.filter(~known.is_in(present.implode())).sort().to_list()
    seen = connector.look(each, missing) if missing else {}
    # "there" means: it exists, but this reader's list leaves it out. That is no deletion.
    return [
        {"_id": key, "_gone": "not_visible" if found.state == "there" else found.state, "_into": found.into} for key, found in seen.items()
    ]


def _seal(each: Object, draft: Path, final: Path, manifest: Manifest, absent: list[dict]) -> Manifest:
    pl.DataFrame(absent, schema={"_id": pl.String, "_gone": pl.String, "_into": pl.String}).write_parquet(draft / "gone.parquet")
    manifest = replace(manifest, hash=hash_of(draft))
    (draft / "contract.json").write_text(each.model_dump_json(by_alias=True))
    (draft / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1))
    draft.rename(final)
    log.info(
        "%s %s: %d records fetched, %d quarantined, %d gone",
        manifest.system,
        manifest.object,
        manifest.rows,
        manifest.quarantined,
        manifest.gone,
    )
    return manifest
