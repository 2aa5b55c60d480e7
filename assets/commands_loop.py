"""hub run, status, plan, approve, push, publish: the loop from the command line."""

import getpass
from typing import Annotated

import typer

from assets import console, publishing
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FAILED, FINDINGS
from hub import journal, store
from hub.firm import Firm
from reconcile import consent, plan as plans, verdict

PLAN_COLUMNS = ["status", "system", "object", "record", "field", "before", "after", "money", "currency", "why", "hold", "line"]
EXPLAINED = ["verdict", "system", "object", "record", "field", "there", "wanted", "because", "line"]
DIFFERENCE = ["what", "system", "object", "record", "field", "before", "after", "hold", "line"]
PLAN = """
SELECT status, system, object, coalesce(record_id, 'new ' || hub_id), coalesce(field, action), base, want, money, currency, why, hold, line_id
FROM work.plan_line WHERE ? IS NULL OR status = ? ORDER BY status, system, object, field, record_id, hub_id, line_id"""


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
def plan(
    project: Project = HERE,
    needs_consent: Annotated[bool, typer.Option("--needs-consent", help="Only lines that wait for a person.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="What moved since the hub last wrote there, in words.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What came and left since the plan before.")] = False,
    json: Json = False,
) -> None:
    """The sealed list of corrections: before, after and why."""
    with store.reading(the_firm(project).cuts) as connection:
        wanted = "needs_consent" if needs_consent else None
        if explain or diff:
            told = verdict.difference(connection) if diff else verdict.explained(connection, wanted)
            _tell_lines(told, EXPLAINED if explain and not diff else DIFFERENCE, json)
            raise typer.Exit(FINDINGS if told else 0)
        rows = connection.execute(PLAN, [wanted, wanted]).fetchall()
        present = plans.read(connection)
        sealed = present.hash
    if json:
        console.as_json({"hash": sealed, "lines": [dict(zip(PLAN_COLUMNS, row)) for row in rows]})
    elif not rows:
        console.out.print(f"plan {sealed}: nothing {'waits for consent' if needs_consent else 'to correct'}")
    else:
        console.table([row[:7] + row[10:] for row in rows], PLAN_COLUMNS[:7] + PLAN_COLUMNS[10:], json_too=False, title=f"plan {sealed}")
        if waiting := present.count("needs_consent"):
            console.out.print(f"{waiting:,} lines wait for consent; approve all with: hub approve {sealed}")
    raise typer.Exit(FINDINGS if rows else 0)


def _tell_lines(lines: list[dict], columns: list[str], json: bool) -> None:
    """The lines whole as JSON, or these columns of them as a table."""
    if json:
        console.as_json(lines)
    else:
        console.table([[line[name] for name in columns] for line in lines], columns, json_too=False)


@app.command()
def approve(
    plan_hash: str,
    project: Project = HERE,
    line: Annotated[list[str] | None, typer.Option(help="Only these lines.")] = None,
    actor: Annotated[str, typer.Option(help="Who consents.")] = "",
    json: Json = False,
) -> None:
    """Consent to lines of the plan you read, by its hash; the next push sends them. Says how many of what, and which is the worst."""
    firm, who = the_firm(project), actor or getpass.getuser()
    with store.reading(firm.cuts) as connection:
        present = plans.read(connection)
    chosen = [each for each in present.lines if each.line_id in line] if line else present.open_to(who)
    with journal.open(firm.journal) as entries:
        count = plans.approve(entries, present, plan_hash, who, line)
    summary = consent.summary(chosen)
    left = present.count("needs_consent") - count
    if json:
        console.as_json({"plan": present.hash, "approved": count, "left": left, **summary})
    else:
        _tell_consent(summary, count, left)


def _tell_consent(summary: dict, count: int, left: int) -> None:
    for each in summary["groups"]:
        money = f", {each['currency']} {each['money']:,.2f} at stake" if each["money"] else ""
        console.out.print(f"  {each['lines']:>6,}  {each['system']} {each['object']} {each['what']}{money}", soft_wrap=True)
    console.out.print(f"  worst   {summary['worst']}", soft_wrap=True, markup=False)
    others = f"; {left:,} wait for somebody else" if left else ""
    console.out.print(f"{count:,} lines approved{others}; `hub push` sends them, or the next cycle does")


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
