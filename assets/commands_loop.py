"""hub run, status, push, publish: the loop from the command line."""

from typing import Annotated

import typer

from assets import console, publishing
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FAILED, FINDINGS
from hub import journal, store
from hub.firm import Firm
from reconcile import plan as plans


@app.command()
def run(
    project: Project = HERE,
    job: Annotated[str, typer.Option(help="cycle, or a domain: customers, time, revenue")] = "cycle",
    json: Json = False,
) -> None:
    """Turn the loop once: observe, understand, compare, correct what is approved, publish."""
    from assets import cycle

    firm = the_firm(project)
    with console.stages(quiet=json):
        done = cycle.run(firm, job if job == "cycle" else f"cycle_{job}")
    summary = _status(firm) | {"changes": done.changes, "pushed": done.pushed, "failures": done.failures}
    if json:
        console.as_json(summary)
    else:
        for failure in done.failures:
            console.err.print(f"  [red]failed[/red]      {failure}", soft_wrap=True)
        console.out.print("  next        hub plan --needs-consent   ·   hub exceptions   ·   hub report")
    raise typer.Exit(FAILED if not done.ok else FINDINGS if summary["discrepancies"] or summary["exceptions"] else 0)


@app.command()
def status(project: Project = HERE, json: Json = False) -> None:
    """What the newest cut says: records, discrepancies, the plan, exceptions."""
    summary = _status(the_firm(project))
    if json:
        console.as_json(summary)
    else:
        for name, value in summary.items():
            console.out.print(
                f"  {name:<14}"
                + (", ".join(f"{key} {count}" for key, count in value.items()) or "none" if isinstance(value, dict) else str(value))
            )
    raise typer.Exit(FINDINGS if summary["discrepancies"] or summary["exceptions"] else 0)


@app.command()
def push(project: Project = HERE, json: Json = False) -> None:
    """Send the approved lines now, without reading the systems first; each is checked against its target all the same."""
    from assets import cycle

    firm = the_firm(project)
    with console.stages(quiet=json):
        done = cycle.run(firm, "push")
    console.as_json({"pushed": done.pushed, "failures": done.failures}) if json else console.out.print(
        ", ".join(f"{count:,} {state}" for state, count in done.pushed.items()) or "nothing to push"
    )
    raise typer.Exit(FAILED if not done.ok else FINDINGS if set(done.pushed) - {"acknowledged"} else 0)


@app.command()
def publish(project: Project = HERE, json: Json = False) -> None:
    """Publish a cut of the hub now."""
    firm = the_firm(project)
    with journal.open(firm.journal) as entries:
        cut = publishing.publish(firm, entries)
    console.as_json({"cut": cut}) if json else console.out.print(f"published {cut}")


def _status(firm: Firm) -> dict:
    with store.reading(firm.cuts) as connection:
        counted = lambda sql: dict(connection.execute(sql).fetchall())
        return {
            "plan": plans.read(connection).hash,
            "records": counted("SELECT system, sum(record_count)::BIGINT FROM mart.record_count GROUP BY system ORDER BY system"),
            "hub_ids": counted("SELECT entity, count(DISTINCT hub_id) FROM journal.crossref GROUP BY entity ORDER BY entity"),
            "discrepancies": counted("SELECT class, count(*) FROM discrepancy.found GROUP BY class ORDER BY class"),
            "at_stake": counted("SELECT currency, money FROM mart.at_stake ORDER BY currency"),
            "lines": counted("SELECT status, count(*) FROM work.plan_line GROUP BY status ORDER BY status"),
            "exceptions": counted("SELECT kind, count(*) FROM journal.exception GROUP BY kind ORDER BY kind"),
            "pushes": counted("SELECT state, count(DISTINCT push_id) FROM journal.push GROUP BY state ORDER BY state"),
        }
