"""hub retain: forget what is older than the firm wants to keep."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from hub import journal
from hub.errors import ConfigurationWrong


@app.command()
def retain(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only tell what is due.")] = False,
    actor: Annotated[str, typer.Option(help="Who has it done.")] = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Forget snapshots, values of the journal and cuts that are older than `retention` in concord.yaml says."""
    from assets import retain as retaining

    firm = the_firm(project)
    if not firm.retention.model_dump(exclude_none=True):
        raise ConfigurationWrong(
            "concord.yaml retention: nothing is said, so all is kept; write {snapshots: 400, cuts: 30, values: 365}, in days"
        )
    with journal.open(firm.journal) as entries:
        due = retaining.find(firm, entries, datetime.now(UTC))
        if yes:
            retaining.apply(firm, entries, due, actor or getpass.getuser())
    told = {
        "snapshots": f"{sum(map(len, due.snapshots))} become {len(due.snapshots)}",
        "values": f"{len(due.values)} of the journal",
        "cuts": f"{len(due.cuts)} copies of the hub",
    }
    if json:
        console.as_json({**told, "forgotten": yes})
    else:
        for kind, said in told.items():
            console.out.print(f"  {kind:<11}{said}")
        console.out.print("forgotten" if yes else "nothing was removed; --yes does it")
