"""hub ownership: who may say what, as a table."""

from datetime import date
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from hub import ownership, ownership_matrix
from hub.errors import ConfigurationWrong


@app.command(name="ownership")
def show(
    entity: Annotated[str, typer.Argument(help="Of one entity; of all by default.")] = "",
    on: Annotated[str, typer.Option(help="As it holds on a day, also one to come; of all days by default.")] = "",
    legal_entity: Annotated[str, typer.Option("--in", help="As it holds in one of our legal entities.")] = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Who owns each field, who stands in, and who must carry it: by state, legal entity and day."""
    contract = ownership.read(the_firm(project).ownership)
    rows = ownership_matrix.rows(contract, entity, _day(on) if on else None, legal_entity)
    records, destinations = ownership_matrix.records(contract, entity), ownership_matrix.destinations(contract)
    if json:
        told = [dict(zip(("entity", "role", "says"), each)) for each in records]
        systems = [dict(zip(("role", "system", "of"), each)) for each in destinations]
        console.as_json({"fields": [vars(row) for row in rows], "records": told, "cutover": systems})
        return
    fields = [(f"{row.entity} {row.field}", *list(vars(row).values())[2:]) for row in rows]
    _table(fields, "field", "of those", "owner", "stands in", "mirrors", "by", "conflict")
    _table(records, "entity", "role", "record")
    _table(destinations, "role", "system", "of those")


def _table(rows: list[tuple], *columns: str) -> None:
    if rows:
        console.table(rows, columns, json_too=False, most=len(rows))


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError as wrong:
        raise ConfigurationWrong(f"--on {said}: is no day; write 2026-03-31") from wrong
