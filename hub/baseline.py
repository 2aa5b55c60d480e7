"""Makes one snapshot of many: each record as they left it, with its stamps; what is gone; and what broke its contract.

A baseline takes the place of an object's snapshots up to a moment. All that is so today follows from it as it did from them
(`changes.take_over`); what was so before is forgotten. It is dated a microsecond after the last of them, and overrules what is older.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from hub import capture, changes, snapshot, store
from hub.capture_table import STAMPS
from hub.mapping import Object, System
from hub.snapshot import Manifest


def write(folder: Path, manifests: Sequence[Manifest], into: Path) -> Manifest:
    """Write what the snapshots of one object come to below another folder; returns its manifest.

    manifests  some of those below `folder`, in the order in which they were taken
    """
    last = manifests[-1]
    at = datetime.fromisoformat(last.taken_at) + timedelta(microseconds=1)
    each, name = snapshot.read_contract(folder / last.id), f"{last.system}/{last.object}/{at:%Y%m%dT%H%M%S%f}"
    (into / name).mkdir(parents=True)
    for file in ("contract.json", "gone.parquet"):
        shutil.copyfile(folder / last.id / file, into / name / file)
    with store.connect() as connection:
        capture.prepare(connection)
        capture.load_missing(connection, System(system=last.system, role="", objects={}), manifests, folder)
        good, broken = _copy(connection, each, last, into / name / "rows.parquet")
    reads = [manifest for manifest in manifests if manifest.kind != "replay"] or manifests
    mark = next((manifest.watermark for manifest in reversed(reads) if manifest.watermark), None)
    counts = {"rows": good + broken, "quarantined": broken, "gone": 0, "hash": snapshot.hash_of(into / name)}
    is_new = {"id": name, "taken_at": at.isoformat(), "kind": changes.BASELINE, "complete": True, "since": None}
    manifest = replace(last, **is_new, **counts, watermark=mark, fields=reads[-1].fields)
    (into / name / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1))
    return manifest


def _copy(connection: duckdb.DuckDBPyConnection, each: Object, last: Manifest, rows: Path) -> tuple[int, int]:
    """Write the table of an object and its quarantine as rows of a snapshot; returns how many of each."""
    held = capture.table(last.system, last.object)
    fields = ", ".join(f'"{path}"' for path in each.source_fields())
    connection.execute(f"""
      COPY (SELECT * FROM (
        SELECT {fields}, NULL::VARCHAR AS _reason, NULL::JSON AS _raw, _gone, _into, {", ".join(STAMPS)}, NULL::VARCHAR AS _waits_since FROM {held}
        UNION ALL BY NAME
        SELECT record_id AS "{each.key}", reason AS _reason, raw::JSON AS _raw, quarantined_at AS _waits_since FROM capture.quarantine)
        ORDER BY "{each.key}", _raw::VARCHAR) TO '{rows}' (FORMAT parquet, COMPRESSION zstd)""")
    return connection.execute(f"SELECT (SELECT count(*) FROM {held}), (SELECT count(*) FROM capture.quarantine)").fetchone()
