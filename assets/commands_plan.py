"""hub plan, approve: the sealed list of corrections, what would become of it under other rules, and consent to it."""

import getpass
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FINDINGS
from hub import journal, store
from hub.firm import Firm
from reconcile import consent, plan as plans, shown, verdict

PLAN_COLUMNS = ["status", "system", "object", "record", "field", "before", "after", "money", "currency", "why", "hold", "line"]
EXPLAINED = ["verdict", "system", "object", "record", "field", "there", "wanted", "because", "line"]
DIFFERENCE = ["what", "system", "object", "record", "field", "before", "after", "hold", "line"]
PLAN = """
SELECT status, system, object, coalesce(record_id, 'new ' || hub_id), coalesce(field, action), base, want, money, currency, why, hold, line_id
FROM work.plan_line WHERE ? IS NULL OR status = ? ORDER BY status, system, object, field, record_id, hub_id, line_id"""


@app.command()
def plan(
    project: Project = HERE,
    needs_consent: Annotated[bool, typer.Option("--needs-consent", help="Only lines that wait for a person.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="What moved since the hub last wrote there, in words.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What came and left since the plan before.")] = False,
    what_if: Annotated[
        Path | None, typer.Option("--what-if", metavar="FILE", help="What would change if these rules were in force.")
    ] = None,
    json: Json = False,
) -> None:
    """The sealed list of corrections: before, after and why."""
    if what_if:
        return _predict(the_firm(project), what_if, json)
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


def _predict(firm: Firm, file: Path, json: bool) -> None:
    """Tell what other rules would do; exits with FINDINGS when that is anything."""
    from assets import what_if

    unread = what_if.unread(firm, file)
    with console.stages(quiet=json), journal.open(firm.journal) as entries:
        found = what_if.predict(firm, entries, file)
    cells = [
        each | {side: shown.value_of(each["entity"], each["field"], each[side]) for side in ("before", "after")} for each in found.cells
    ]
    if json:
        console.as_json({**vars(found), "cells": cells, "unread": unread})
    else:
        _tell_prediction(found, cells, unread)
    raise typer.Exit(0 if found.is_empty else FINDINGS)


def _tell_prediction(found, cells: list[dict], unread: list[str]) -> None:
    lines = Counter(each["what"] for each in found.lines)
    console.out.print(
        f"  merges        {len(found.merges):,}   splits {len(found.splits):,}   stewards' words gainsaid {len(found.contradicted):,}"
    )
    console.out.print(f"  golden values {len(cells):,} would be others")
    console.out.print(f"  plan lines    {', '.join(f'{count:,} {what}' for what, count in lines.items()) or 'none would be others'}")
    for each in unread:
        console.out.print(
            f"  not known     {each}: nobody read it yet; what it holds comes with the next full read", soft_wrap=True, markup=False
        )
    for title, rows in (
        ("due writes", found.writes),
        ("at stake", found.money),
        ("golden values", cells),
        ("merges", found.merges),
        ("splits", found.splits),
    ):
        if rows:
            told = [[", ".join(value) if isinstance(value, list) else value for value in row.values()] for row in rows]
            console.table(told, list(rows[0]), json_too=False, title=title, most=10)
    for each in found.contradicted:
        says = f"{each['left_ref']} and {each['right_ref']}: a steward said {each['verdict']}, the evidence would say {each['says']}"
        console.out.print(says, soft_wrap=True, markup=False)


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
