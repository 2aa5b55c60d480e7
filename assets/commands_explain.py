"""hub explain match, record: why, why not, and what would reverse it."""

from typing import Annotated

import typer

from assets import commands_look, console
from assets.cli import HERE, Json, Project, app, the_firm
from hub import rules, store

explain = typer.Typer(no_args_is_help=True, help="Why something is as it is, why not otherwise, and what would reverse it.")
app.add_typer(explain, name="explain")
explain.command(name="record")(commands_look.trace)

Record = "SYSTEM:OBJECT:ID, 'SYSTEM OBJECT ID' in quotes, or a hub id."


@explain.command()
def match(
    one: Annotated[str, typer.Argument(metavar="A", help=Record)],
    other: Annotated[str, typer.Argument(metavar="B", help=Record)],
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Why two records are one, or are not: the evidence, the rule, what would reverse it."""
    from reconcile import why_match, why_told

    firm = the_firm(project)
    with store.reading(firm.cuts) as connection:
        found = why_match.asked(connection, one, other, rules.of(str(firm.folder.resolve())))
    console.as_json(why_told.as_dict(found)) if json else console.out.print("\n".join(why_told.lines(found)), markup=False, soft_wrap=True)
