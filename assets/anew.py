"""Puts a hub file in the place of the one that is there, built anew from what is still to be kept: a deleted row leaves its bytes in a file."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from assets import publishing, rebuild, rewind
from hub import store
from hub.errors import Refused
from hub.firm import Firm
from hub.journal import Journal


def read_so_far(firm: Firm) -> tuple[set[str], int]:
    """The snapshots and the last event that the hub has read; under its lock. Raises Refused when its models have not seen all of them."""
    with store.connect(firm.hub_file, read_only=True) as connection:
        if waiting := connection.execute("SELECT count(*) FROM capture.pending").fetchone()[0]:
            raise Refused(f"the hub has read {waiting} changes that its models have not seen; `hub run` first")
        snapshots = {found for (found,) in connection.execute("SELECT id FROM capture.snapshot").fetchall()}
        return snapshots, connection.execute("SELECT coalesce(max(seq), 0) FROM journal.event").fetchone()[0]


def build(
    firm: Firm, snapshots: Iterable[str], last_event: int, source: Firm | None = None, ready: Callable[[Firm], None] = lambda _: None
) -> None:
    """Build the hub from these snapshots and the journal up to an event, under the lock of the one that it replaces.

    source  the firm whose snapshots they are; its own by default
    ready   what to do with the firm of the new hub before it takes the place; whatever it raises leaves the old one
    """
    with tempfile.TemporaryDirectory(dir=firm.state, prefix=".anew-") as folder:
        built = replace(firm, state=Path(folder).resolve() / "state", journal_said="")
        rewind.make_empty(built)
        rebuild.fill(source or firm, built, snapshots, last_event)
        ready(built)
        os.replace(built.hub_file, firm.hub_file)
        firm.hub_file.with_name(firm.hub_file.name + ".wal").unlink(missing_ok=True)


def publish_alone(firm: Firm, journal: Journal) -> None:
    """Publish the hub, and remove every older cut."""
    newest = publishing.publish(firm, journal).parent
    for cut in cuts(firm):
        if cut != newest:
            shutil.rmtree(cut)


def cuts(firm: Firm) -> list[Path]:
    """The cuts that are there, oldest first."""
    return sorted(each for each in firm.cuts.iterdir() if each.is_dir() and not each.is_symlink() and each.name[0] != ".")
