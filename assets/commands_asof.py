"""hub asof: what was true on a day, as it was known at a moment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from hub.errors import ConfigurationWrong
from reconcile import shown


@app.command()
def asof(
    hub_id: Annotated[str, typer.Argument(help="Which; none with --into.")] = "",
    valid: Annotated[str, typer.Option(help="As of this day (its end) or moment, UTC; when it was known by default.")] = "",
    known: Annotated[str, typer.Option(help="As known on this day (its end) or at this moment, UTC; now by default.")] = "",
    into: Annotated[Path | None, typer.Option(help="Build the whole hub of then in this folder.")] = None,
    project: Project = HERE,
    json: Json = False,
) -> None:
    """What a hub id stood for on a day, as it was known at a moment; or the whole hub of then, to query."""
    from assets import asof as asking, rewind

    if bool(hub_id) == bool(into):
        raise ConfigurationWrong("hub asof: name a hub id, or a folder with --into")
    firm, known_at = the_firm(project), _moment(known, "--known") if known else datetime.now(UTC)
    valid_at = _moment(valid, "--valid") if valid else known_at
    if into:
        built = rewind.build(firm, into, valid_at, known_at)
        console.as_json({"built": built.hub_file}) if json else console.out.print(f"built in {built.hub_file}", soft_wrap=True)
        return
    found = asking.ask(firm, hub_id, valid_at, known_at)
    console.as_json(_as_dict(found, valid_at, known_at)) if json else _print(found, valid_at, known_at)


def _as_dict(found, valid: datetime, known: datetime) -> dict:
    values = {
        field: {"value": _shown(found.entity, field, value), "from": given, "why": why}
        for field, (value, given, why) in found.values.items()
    }
    return {**vars(found), "valid": valid, "known": known, "values": values}


def _print(found, valid: datetime, known: datetime) -> None:
    head = f"{found.entity} {found.hub_id}" + (f", by then {found.now}," if found.now != found.hub_id else "")
    console.out.print(f"{head} as of {shown.at(valid)}, as known {shown.at(known)} UTC, under rules {found.rules}", soft_wrap=True)
    rows = [(field, _shown(found.entity, field, value), shown.record(given), why) for field, (value, given, why) in found.values.items()]
    console.table(rows, ["field", "value", "from", "why"], json_too=False)
    for ref in found.unseen:
        console.out.print(f"{shown.record(ref)} belongs to it; of that day the hub has no version of it", markup=False, soft_wrap=True)


def _shown(entity: str, field: str, value: str | None) -> str | None:
    return shown.value_of(entity, field, value)


def _moment(said: str, option: str) -> datetime:
    """The moment that is meant: of a day, its last microsecond."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError as wrong:
        raise ConfigurationWrong(f"{option} {said}: is no day or moment; write 2026-03-31 or 2026-03-31T17:00") from wrong
    at = at + timedelta(days=1, microseconds=-1) if len(said) == len("2026-03-31") else at
    return at if at.tzinfo else at.replace(tzinfo=UTC)
