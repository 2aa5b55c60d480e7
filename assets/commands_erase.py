"""hub erase: forget a person."""

import getpass
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FINDINGS
from hub import journal
from hub.errors import ConfigurationWrong


@app.command()
def erase(
    who: Annotated[str, typer.Argument(metavar="WHO", help="A hub id, or one of its records: SYSTEM:OBJECT:ID.")],
    reason: Annotated[str, typer.Option(help="Why; kept for ever, so don't name the person.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only tell what there is.")] = False,
    actor: Annotated[str, typer.Option(help="Who erases.")] = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Erase what the hub holds of a person: snapshots, journal, hub, cuts. What it is tied to stays, by its ids."""
    from assets import erase as erasing

    if yes and not reason.strip():
        raise ConfigurationWrong("hub erase --yes: say why with --reason; it is kept in the journal, so don't name the person in it")
    firm = the_firm(project)
    with journal.open(firm.journal) as entries:
        held = erasing.find(firm, entries, who)
        if yes:
            erasing.erase(firm, entries, held, reason, actor or getpass.getuser())
    told = {
        "snapshots": f"{sum(held.snapshots.values())} rows in {len(held.snapshots)} snapshots",
        "hub": ", ".join(f"{rows} in {table}" for table, rows in held.tables.items()) or "nothing",
        "journal": f"{len(held.journal)} values" + (f", and {len(held.in_clear)} events of an earlier version" if held.in_clear else ""),
        "cuts": f"{held.cuts} copies of the hub",
    }
    if json:
        console.as_json({"who": held.person.name, "records": held.person.refs, **told, "outside": held.outside, "erased": yes})
    else:
        console.out.print(f"{held.person.name}: {', '.join(held.person.refs)}", markup=False, soft_wrap=True)
        for place, said in [*told.items(), *(("outside", each) for each in held.outside)]:
            console.out.print(f"  {place:<11}{said}", markup=False, soft_wrap=True)
        console.out.print("erased" if yes else "nothing was erased; --yes --reason WHY does it")
    raise typer.Exit(FINDINGS if len(held.outside) > 1 or not yes else 0)
