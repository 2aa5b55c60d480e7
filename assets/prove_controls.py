"""hub prove-controls: tries ways around the controls on a firm of its own, and says what refused each."""

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import typer

from assets import console
from assets.cli import Json, app
from assets.prove_attempts import Attempt, attempts
from assets.prove_firm import Stage
from hub.door import GUARDED
from hub.errors import HubError

COLUMNS = ["family", "attempt", "got through", "what refused it"]


@dataclass(frozen=True)
class Tried:
    """What came of an attempt. It got through when a system's record changed, or the journal holds what it must not."""

    attempt: Attempt
    got_through: bool
    says: str


@app.command(name="prove-controls")
def prove_controls(json: Json = False) -> None:
    """Try ways around consent, roles, clocks and finance's guards on an invented firm; exit code 1 when one gets through."""
    tried = prove()
    rows = [(each.attempt.family, each.attempt.what, "YES" if each.got_through else "no", each.says) for each in tried]
    console.table(rows, COLUMNS, json_too=json, most=len(rows))
    through = sum(each.got_through for each in tried)
    if not json:
        console.out.print(f"{len(tried)} attempts, {through or 'none'} got through")
    raise typer.Exit(console.FAILED if through else console.FINE)


def prove(stage: Stage | None = None) -> list[Tried]:
    """Try all attempts, each on the same firm as it was at first; on a firm made for it unless one is given."""
    if stage is not None:
        return [_try(stage, each) for each in attempts()]
    with tempfile.TemporaryDirectory(prefix="concord-controls-") as folder, closing(Stage(Path(folder))) as made:
        return prove(made)


def _try(stage: Stage, each: Attempt) -> Tried:
    stage.again()
    steps = each.steps(stage)
    next(steps)
    head, said = stage.journal.head()[0], stage.systems_say()
    try:
        next(steps, None)
        says = ""
    except (HubError, sa.exc.DBAPIError, sqlite3.Error) as refusal:
        says = str(refusal)
    new = list(stage.journal.events(after=head))
    recorded = [event.kind for event in new if event.kind in GUARDED]
    told = [event.body["message"] for event in new if event.kind == "exception.opened"]
    got_through = bool(recorded) or stage.systems_say() != said or stage.journal.verify() is not None
    return Tried(each, got_through, says or "; ".join(told) or ("" if got_through else "nothing was sent, and nothing recorded"))
