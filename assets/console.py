"""What the command line prints: stages while they happen, tables, JSON, errors, and the exit codes."""

import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FINE, FAILED, FINDINGS = 0, 1, 3
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


class Stages(logging.Handler):
    """Prints one line a stage as it ends: its name once, what it did, and the seconds since the last one."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.last, self.at = "", time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        stage, now = getattr(record, "stage", ""), time.monotonic()
        name, self.last = ("" if stage == self.last else stage), stage
        first, *more = record.getMessage().splitlines()
        err.print(f"  [bold]{name:<12}[/bold]{first}  [dim]{now - self.at:.1f} s[/dim]", soft_wrap=True)
        for line in more:
            err.print(f"  {'':<12}[yellow]{line}[/yellow]", soft_wrap=True)
        self.at = now


@contextmanager
def stages(quiet: bool = False) -> Iterator[None]:
    """Follow the stages of what runs in the `with` block, on standard error."""
    log, handler = logging.getLogger("concord.stage"), Stages()
    log.setLevel(logging.INFO)
    log.propagate = False
    if not quiet:
        log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def plain(value: Any) -> Any:
    """A value as JSON has it: money and quantities as text, so that no digit is lost."""
    if isinstance(value, (Decimal, Path)):
        return str(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def as_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=plain, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.flush()  # who reads a pipe may wait for it


def table(rows: Iterable[Sequence[Any]], columns: Sequence[str], *, json_too: bool, title: str = "", most: int = 40) -> None:
    """Rows as a table, the first `most` of them; all of them with --json, as objects."""
    rows = list(rows)
    if json_too:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    shown = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False)
    for row in rows[:most]:
        shown.add_row(*("" if value is None else str(plain(value)) for value in row))
    out.print(shown)
    if len(rows) > most:
        out.print(f"… and {len(rows) - most:,} more; all of them with --json")
