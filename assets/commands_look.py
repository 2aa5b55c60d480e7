"""hub exceptions, replay, trace, id, report, rebuild, serve: look into what the loop did."""

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FAILED, FINDINGS
from hub import journal, rules, store
from hub.errors import ConfigurationWrong
from reconcile import shown

# With what was last sent about it, if anything was, and the fields that this held.
EXCEPTIONS = """
SELECT e.kind, e.subject, e.message, e.owner, e.opened_at, date_diff('day', e.opened_at, $now::TIMESTAMP) AS days, p.last
FROM journal.exception AS e
LEFT JOIN (
  SELECT about, arg_max({'entity': entity, 'fields': fields, 'payload': payload}, seq) AS last FROM (
    SELECT concat_ws(' ', p.system, p.object, coalesce(v.body ->> 'record_id', p.hub_id), unnest(json_keys(v.body -> 'fields'))) AS about,
      p.entity, json_keys(v.body -> 'fields') AS fields, v.body ->> 'payload' AS payload, p.seq
    FROM journal.push AS p JOIN journal.event AS v ON v.seq = p.seq AND v.subject = p.push_id) AS sent
  GROUP BY about
) AS p ON p.about = e.subject
ORDER BY e.opened_at, e.id"""
EXCEPTION = ["kind", "about", "message", "owner", "since", "days"]


@app.command()
def exceptions(project: Project = HERE, json: Json = False) -> None:
    """What waits for a person: which record, what was wrong, what to do next, since when; as JSON with what was sent last."""
    with store.reading(the_firm(project).cuts) as connection:
        found = connection.execute(EXCEPTIONS, {"now": datetime.now(UTC).replace(tzinfo=None)}).fetchall()
    rows = [(*told, shown.payload(**last) if last else None) if json else told for *told, last in found]
    console.table(rows, [*EXCEPTION, *(["payload"] if json else [])], json_too=json)
    raise typer.Exit(FINDINGS if rows else 0)


@app.command()
def replay(
    about: Annotated[
        str, typer.Argument(help="As `hub exceptions` shows it, or SYSTEM OBJECT; quoted. With --verify a push or a plan.")
    ] = "",
    project: Project = HERE,
    actor: Annotated[str, typer.Option(help="Who asks.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the request back.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compute what was sent again, of all pushes or of one, and compare byte for byte.")
    ] = False,
    json: Json = False,
) -> None:
    """Try again what was quarantined, refused, rejected or given up; the next cycle does it. Or compute again what was sent."""
    from reconcile import replay as replays

    if verify:
        _reproduce(project, about, json)
    if not about:
        raise ConfigurationWrong("hub replay: name what to try again, as `hub exceptions` shows it; or --verify")
    with journal.open(the_firm(project).journal) as entries:
        (replays.undo if undo else replays.request)(entries, about, actor or getpass.getuser())
    console.as_json({"replay": about, "undone": undo}) if json else console.out.print(
        f"{about} stays as it is" if undo else f"the next cycle tries {about} again"
    )


def _reproduce(project: Path, about: str, json: bool) -> None:
    from assets import reproduce

    firm = the_firm(project)
    with journal.open(firm.journal) as entries:
        found = reproduce.verify(firm, entries, about)
    rows = [(each.push_id, each.plan, each.system, each.object, each.state, each.says) for each in found]
    told = rows if json else [row for row in rows if row[4] != "equal"]
    if told:
        console.table(told, ["push", "plan", "system", "object", "payload", "because"], json_too=json)
    if not json:
        console.out.print(f"{len(rows) - len(told):,} of {len(rows):,} payloads come out byte for byte as they were sent")
    raise typer.Exit(FAILED if any(each.state == "differs" for each in found) else 0)


@app.command()
def trace(
    system: str,
    each: Annotated[str, typer.Argument(metavar="OBJECT")],
    record_id: Annotated[str, typer.Argument(metavar="ID")],
    project: Project = HERE,
    json: Json = False,
) -> None:
    """The chain from a record back to snapshots, rules and decisions."""
    from reconcile import explain

    firm = the_firm(project)
    with store.reading(firm.cuts) as connection:
        chain = explain.trace(connection, system, each, record_id, rules.of(str(firm.folder.resolve())))
    console.as_json(chain.as_dict()) if json else console.out.print("\n".join(chain.lines()), markup=False, soft_wrap=True)
    raise typer.Exit(0 if chain.found else FAILED)


@app.command()
def report(
    project: Project = HERE,
    out: Annotated[Path | None, typer.Option(help="Folder; by default out/ in the project.")] = None,
    json: Json = False,
) -> None:
    """Write the discrepancy report of the newest cut as HTML, XLSX and CSV."""
    from reconcile import report as reports

    firm = the_firm(project)
    with store.reading(firm.cuts) as connection:
        files = reports.write(connection, out or firm.out, f"report-{datetime.now(UTC):%Y-%m-%dT%H%M}")
    console.as_json(files) if json else console.out.print("\n".join(str(path) for path in files.values()))


@app.command()
def rebuild(
    project: Project = HERE,
    verify: Annotated[bool, typer.Option("--verify", help="Rebuild elsewhere and compare, table by table.")] = False,
    into: Annotated[Path | None, typer.Option(help="Rebuild into this folder.")] = None,
    json: Json = False,
) -> None:
    """Build the hub again from snapshots and journal: elsewhere, or to compare it with the one that is there."""
    from assets import rebuild as rebuilding

    firm = the_firm(project)
    if verify:
        tables = rebuilding.verify(firm)
        console.table(
            [(each.table, each.rows, "equal" if each.equal else "DIFFERS") for each in tables],
            ["table", "rows", "content"],
            json_too=json,
            most=200,
        )
        raise typer.Exit(0 if all(each.equal for each in tables) else FAILED)
    target = into or firm.state / "rebuilt"
    rebuilding.rebuild(firm, target)
    console.as_json({"rebuilt": target}) if json else console.out.print(f"rebuilt in {target}")


@app.command()
def serve(project: Project = HERE, port: Annotated[int, typer.Option(help="On 127.0.0.1.")] = 8400, json: Json = False) -> None:
    """Open the steward's workbench: duplicates, plan, exceptions, report."""
    import uvicorn

    from reconcile.web.app import app as workbench

    firm = the_firm(project)
    url = f"http://127.0.0.1:{port}"
    console.as_json({"firm": firm.name, "url": url}) if json else console.out.print(f"workbench of {firm.name}: {url}   (stop with Ctrl-C)")
    uvicorn.run(workbench(firm), host="127.0.0.1", port=port, log_level="warning")


@app.command(name="id")
def resolve_id(
    hub_id: str,
    as_of: Annotated[str, typer.Option("--as-of", help="A day (its end) or a moment, UTC; now by default.")] = "",
    project: Project = HERE,
    json: Json = False,
) -> None:
    """What a hub id stands for, or stood for on a date: its records, or the id that it was merged into."""
    from reconcile import hub_ids

    with store.reading(the_firm(project).cuts) as connection:
        found = hub_ids.resolve(connection, hub_id, _moment(as_of))
    if json:
        console.as_json(vars(found))
    else:
        console.out.print(f"{hub_id} is {found.now} now" if found.now != hub_id and not as_of else f"{found.now}")
        console.out.print("\n".join(f"  {ref}" for ref in found.records), markup=False)


def _moment(said: str) -> datetime:
    """The moment that is meant, as the hub keeps it: UTC without a zone."""
    try:
        at = datetime.fromisoformat(said) if said else datetime.now(UTC)
    except ValueError as wrong:
        raise ConfigurationWrong(f"--as-of {said}: is no day or moment; write 2026-03-31 or 2026-03-31T17:00") from wrong
    at = at + timedelta(days=1) if len(said) == len("2026-03-31") else at
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
