"""hub controls, release: who may consent and what stops by itself."""

import getpass
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FINDINGS
from hub import journal, store
from hub.errors import Refused
from hub.journal import Event
from reconcile import guards, in_force
from reconcile.in_force import InForce

COLUMNS = ["control", "in force", "proposed"]


@app.command()
def controls(
    project: Project = HERE,
    accept: Annotated[bool, typer.Option("--accept", help="Put what the files propose in force.")] = False,
    actor: Annotated[str, typer.Option(help="Who does.")] = "",
    json: Json = False,
) -> None:
    """The controls, policies and guards in force, and what the files propose instead."""
    from assets import correct

    firm = the_firm(project)
    proposed = correct.proposed(firm)
    with journal.open(firm.journal) as entries:
        present = in_force.put(entries, proposed, actor or getpass.getuser()) if accept else in_force.now(entries)
    rows = _rows(present, proposed) + _guards(firm)
    console.table(rows, COLUMNS, json_too=json, most=100)
    raise typer.Exit(FINDINGS if present and present.body != proposed.body else 0)


@app.command()
def release(
    system: str,
    each: Annotated[str, typer.Argument(metavar="OBJECT")],
    project: Project = HERE,
    actor: Annotated[str, typer.Option(help="Who read the plan.")] = "",
    json: Json = False,
) -> None:
    """Let a plan pass that the breaker stopped: as many records of an object as it wants to change now, for a day."""
    firm = the_firm(project)
    with store.reading(firm.cuts) as connection:
        found = connection.execute("SELECT records, there FROM work.tripped WHERE system = ? AND object = ?", [system, each]).fetchone()
    if not found:
        raise Refused(f"{system} {each}: no breaker stopped it; see `hub plan` for what is held")
    body = {"system": system, "object": each, "records": found[0]}
    with journal.open(firm.journal) as entries:
        entries.append([Event("breaker.released", f"{system} {each}", body, actor or getpass.getuser())])
    console.as_json(body | {"there": found[1]}) if json else console.out.print(
        f"{found[0]:,} records of {system} {each} may change within a day; the next plan puts them up for consent"
    )


def _rows(present: InForce | None, proposed: InForce) -> list[tuple[str, str, str]]:
    """One row a control and a policy: what is in force, and what is proposed where that is another."""
    now, then = _said(present) if present else {}, _said(proposed)
    return [
        (name, now.get(name, "nothing"), then.get(name, "nothing") if then.get(name) != now.get(name) else "") for name in {**then, **now}
    ]


def _said(each: InForce) -> dict[str, str]:
    controls = {name: str(value) for name, value in each.body["controls"].items()}
    if each.controls.alone or not each.controls.controllers:
        controls["people"] = "anybody consents" + (
            ", to their own changes too" if each.controls.alone else ", but nobody to their own changes"
        )
    return controls | {f"policy {policy.title}": policy.why for policy in each.policies}


def _guards(firm) -> list[tuple[str, str, str]]:
    """One row a guard: whether a system of the firm tells what it rests on."""
    if not (firm.cuts / "current").exists():
        return []
    with store.reading(firm.cuts) as connection:
        missing = guards.untold(connection, guards.told(connection))
    return [
        (f"guard {each.name}: {each.of}", f"can't hold: no system tells {', '.join(names)}" if names else each.says, "")
        for each, names in missing.items()
    ]
