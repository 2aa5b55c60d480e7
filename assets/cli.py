"""The command line. Exit code 0: fine, 1: failed, 3: there are findings."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

# Nothing calls home.
os.environ.setdefault("SQLMESH__DISABLE_ANONYMIZED_ANALYTICS", "1")

import typer

from assets import console
from hub import firm
from hub.errors import HubError
from hub.firm import Firm

Project = Annotated[Path, typer.Option("--project", "-p", envvar="CONCORD_PROJECT", help="The firm's project folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = Path(".")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Concord finds and corrects what a firm's systems disagree on. Start with `hub demo`, or `hub init FOLDER`.",
)


def the_firm(project: Path) -> Firm:
    """The firm of a command; also what Dagster's definitions will load."""
    os.environ["CONCORD_PROJECT"] = str(project.resolve())
    return firm.read(project.resolve())


@app.callback()
def settings(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request and step, without personal data.")] = False,
) -> None:
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "httpcore", "sqlmesh", "sqlglot", "alembic", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING if verbose else logging.ERROR)


def main() -> None:
    """Run a command; an error of ours is one sentence and exit code 1, not a stack trace."""
    try:
        app()
    except HubError as wrong:
        console.err.print(f"[red]failed[/red]  {wrong}", soft_wrap=True)
        sys.exit(console.FAILED)


from assets import (  # noqa: E402, F401  (they add their commands to app)
    commands_asof,
    commands_controls,
    commands_decide,
    commands_erase,
    commands_explain,
    commands_journal,
    commands_look,
    commands_loop,
    commands_match,
    commands_ownership,
    commands_plan,
    commands_project,
    commands_retain,
    demo,
    prove_controls,
)
