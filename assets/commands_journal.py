"""hub journal: export it, check it, write it anew."""

from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FAILED
from hub import journal, journal_export, verify_journal
from hub.errors import ConfigurationWrong

commands = typer.Typer(no_args_is_help=True, help="What people decided and what the hub did: export it, check it.")
app.add_typer(commands, name="journal")


@commands.command()
def export(
    out: Annotated[Path, typer.Option(help="The file, one event a line.")],
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Write the whole journal as lines of JSON, and print its head; keep that elsewhere."""
    with journal.open(the_firm(project).journal) as entries:
        seq, link = journal_export.write(entries, out)
    console.as_json({"file": out, "events": seq, "head": f"{seq}:{link}"}) if json else console.out.print(
        f"{seq:,} events in {out}\nhead {seq}:{link}", soft_wrap=True
    )


@commands.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="An export or a SQLite file; the firm's journal by default.")] = None,
    head: Annotated[str, typer.Option(help="SEQ:HASH as written down earlier; that event must be there.")] = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Name every event that is not as it was recorded."""
    if file and not file.exists():
        raise ConfigurationWrong(f"{file} is not there; name an export or a SQLite file, or none for the firm's journal")
    if file:
        found = list(verify_journal.findings(verify_journal.reader(file), _head(head)))
    else:
        with journal.open(the_firm(project).journal) as entries:
            found = list(entries.findings(_head(head)))
    if json:
        console.as_json([{"seq": seq, "finding": sentence} for seq, sentence in found])
    else:
        console.out.print("\n".join(told for _, told in found) or "every event is as it was recorded", markup=False, soft_wrap=True)
    raise typer.Exit(FAILED if found else 0)


@commands.command()
def reseal(
    into: Annotated[str, typer.Option(help="A new SQLite file or an empty PostgreSQL database.")],
    project: Project = HERE,
    json: Json = False,
) -> None:
    """Write a journal of an earlier version anew, so that values in it can be erased; stop the hub first."""
    with journal.open(the_firm(project).journal) as entries, journal.open(into) as anew:
        seq, link = journal.reseal(entries, anew)
    console.as_json({"events": seq, "head": f"{seq}:{link}"}) if json else console.out.print(
        f"{seq:,} events, head {seq}:{link}\nput it in the place of the old one, then `hub rebuild`; see docs/journal.md", soft_wrap=True
    )


def _head(said: str) -> tuple[int, str] | None:
    seq, _, link = said.partition(":")
    if said and not (seq.isdigit() and link):
        raise ConfigurationWrong(f"--head {said}: write number and hash of an event, 1234:9f3c…, as `hub journal export` printed them")
    return (int(seq), link) if said else None
