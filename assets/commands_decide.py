"""hub decide: what a steward says of records, hub ids and values."""

import getpass
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from hub import journal, rules, store
from hub.errors import Refused

decide = typer.Typer(no_args_is_help=True, help="Say which records are one, and which are not; pin a value; take it back.")
app.add_typer(decide, name="decide")

Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]
Actor = Annotated[str, typer.Option(help="Who decides.")]
Replace = Annotated[bool, typer.Option("--replace", help="Also where other words stand of the same two records: this takes their place.")]
Record = "SYSTEM:OBJECT:ID, or 'SYSTEM OBJECT ID' in quotes."
One, Other = (Annotated[str, typer.Argument(metavar=name, help=Record)] for name in "AB")


@decide.command()
def same(one: One, other: Other, reason: Reason = "", actor: Actor = "", project: Project = HERE, json: Json = False) -> None:
    """Two records are one thing."""
    _pair(project, actor, json, one, other, "same", reason)


@decide.command()
def different(one: One, other: Other, reason: Reason = "", actor: Actor = "", project: Project = HERE, json: Json = False) -> None:
    """Two records are not one thing, also not by way of others."""
    _pair(project, actor, json, one, other, "different", reason)


@decide.command()
def parent(one: One, other: Other, reason: Reason = "", actor: Actor = "", project: Project = HERE, json: Json = False) -> None:
    """A is the parent of B: two things, one of which owns the other."""
    _pair(project, actor, json, one, other, "parent_of", reason)


@decide.command()
def successor(one: One, other: Other, reason: Reason = "", actor: Actor = "", project: Project = HERE, json: Json = False) -> None:
    """A followed B: two things, one of which took the other's place."""
    _pair(project, actor, json, one, other, "successor_of", reason)


@decide.command()
def merge(
    one: Annotated[str, typer.Argument(metavar="ID")],
    other: Annotated[str, typer.Argument(metavar="ID")],
    reason: Reason = "",
    replace: Replace = False,
    actor: Actor = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Two hub ids are one: each record of the one is the same as each of the other."""
    from reconcile import decide as decisions

    _done(project, actor, json, lambda steward: decisions.merge(steward, one, other, reason, replace))


@decide.command()
def split(
    hub_id: Annotated[str, typer.Argument(metavar="ID")],
    out: Annotated[list[str], typer.Option(help=f"A record that leaves; several by saying it again. {Record}")],
    reason: Reason = "",
    replace: Replace = False,
    actor: Actor = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Some records of a hub id are something else: each of them is different from each that stays."""
    from reconcile import decide as decisions

    _done(project, actor, json, lambda steward: decisions.split(steward, hub_id, out, reason, replace))


@decide.command()
def move(
    record: Annotated[str, typer.Argument(help=Record)],
    to: Annotated[str, typer.Option(help="The hub id that it belongs to.")],
    reason: Reason = "",
    replace: Replace = False,
    actor: Actor = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """A record belongs to another hub id: the same as each record there, different from each that it leaves."""
    from reconcile import decide as decisions

    _done(project, actor, json, lambda steward: decisions.move(steward, record, to, reason, replace))


@decide.command()
def pin(
    of: Annotated[str, typer.Argument(metavar="ID", help="A hub id, or the record that the pin is to stay with.")],
    value: Annotated[str, typer.Argument(metavar="FIELD=VALUE")],
    reason: Annotated[str, typer.Option(help="Why this outranks the systems.")],
    until: Annotated[str, typer.Option(help="The last day on which it holds, YYYY-MM-DD; for ever by default.")] = "",
    actor: Actor = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """A golden value is this, whatever the systems say."""
    from reconcile import pins

    column, is_one, said = value.partition("=")
    if not is_one:
        raise Refused(f"{value!r} is no FIELD=VALUE; write for instance phone='+49 30 1234567'")
    _done(project, actor, json, lambda steward: pins.pin(steward, of, column.strip(), said, reason, _day(until)))


@decide.command()
def undo(
    decision: Annotated[str, typer.Argument(help="As `hub decide list` names it; your own last one by default.")] = "",
    reason: Reason = "",
    actor: Actor = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Take a decision back, all of it; what was said before holds again."""
    from reconcile import decide as decisions

    _done(project, actor, json, lambda steward: decisions.undo(steward, decision, reason))


@decide.command(name="list")
def standing(project: Project = HERE, json: Json = False) -> None:
    """The decisions that stand, the newest first, and whether they bind."""
    from reconcile import decisions
    from reconcile.steward import Steward

    firm = the_firm(project)
    with store.reading(firm.cuts) as connection, journal.open(firm.journal) as entries:
        rows = decisions.standing(Steward(connection, entries, rules.of(str(firm.folder.resolve())), getpass.getuser()))
    console.table([[row[name] for name in decisions.COLUMNS] for row in rows], decisions.COLUMNS, json_too=json)


def _pair(project: Path, actor: str, json: bool, one: str, other: str, verdict: str, reason: str) -> None:
    from reconcile import decide as decisions

    _done(project, actor, json, lambda steward: decisions.pair(steward, one, other, verdict, reason))


def _done(project: Path, actor: str, json: bool, act: Callable) -> None:
    """Decide on the newest cut, and say what was journaled."""
    from reconcile.steward import Steward

    firm = the_firm(project)
    with store.reading(firm.cuts) as connection, journal.open(firm.journal) as entries:
        made = act(Steward(connection, entries, rules.of(str(firm.folder.resolve())), actor or getpass.getuser()))
    console.as_json(vars(made)) if json else console.out.print(f"{made.said}   ({made.decision})", markup=False, soft_wrap=True)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as wrong:
        raise Refused(f"--until {said}: is no day; write 2026-12-31") from wrong
