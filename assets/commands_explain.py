"""hub explain match, record: why, why not, and what would reverse it."""

from typing import Annotated

import duckdb
import typer

from assets import commands_look, console
from assets.cli import HERE, Json, Project, app, the_firm
from hub import rules, store
from hub.firm import Firm

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


@explain.command()
def write(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="LINE | SYSTEM OBJECT ID FIELD | HUB_ID create",
            help="A line of `hub plan`, or the start of its id; else the field of a record.",
        ),
    ],
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Why something is written, held, or not written, and what would change that."""
    from reconcile import why_write, why_write_flip, why_write_told

    firm = the_firm(project)
    known = rules.of(str(firm.folder.resolve()))
    with store.reading(firm.cuts) as connection:
        found = why_write.asked(connection, words, known)
        turns = why_write_flip.turns(connection, found, _queries(firm, connection), known)
    told = why_write_told.as_dict(found, turns) if json else why_write_told.lines(found, turns)
    console.as_json(told) if json else console.out.print("\n".join(told), markup=False, soft_wrap=True)


def _queries(firm: Firm, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The models of the cut as SQL for touched keys; none when the rules are others since, for then nothing can be applied."""
    from assets import sqlmesh_models, sqlmesh_project

    built = connection.execute("SELECT rules FROM work.built").fetchone()
    if built != (sqlmesh_project.version(firm),):
        console.err.print("the rules are others than those of the newest cut; what would change it is told after the next `hub run`")
        return {}
    return {model.name: model.touched for model in sqlmesh_models.compiled(firm)}


@explain.command()
def value(
    hub_id: Annotated[str, typer.Argument(metavar="ID", help="A hub id, or one of its records as SYSTEM:OBJECT:ID.")],
    field: Annotated[str, typer.Argument(metavar="FIELD")],
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Why a golden value is what it is, why no other, and what would make another win."""
    from reconcile import why_value, why_value_flip, why_value_told

    firm = the_firm(project)
    known = rules.of(str(firm.folder.resolve()))
    with store.reading(firm.cuts) as connection:
        found, queries = why_value.asked(connection, hub_id, field, known), _queries(firm, connection)
        flips, pins = why_value_flip.flips(connection, found, queries, known), why_value_flip.pins(connection, found, queries)
    told = why_value_told.as_dict(found, flips, pins) if json else why_value_told.lines(found, flips, pins)
    console.as_json(told) if json else console.out.print("\n".join(told), markup=False, soft_wrap=True)
