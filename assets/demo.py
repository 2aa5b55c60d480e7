"""hub demo: a small invented firm of six simulated systems, turned until nothing is left to correct."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import Json, app, the_firm
from hub import journal, store
from hub.errors import Refused
from hub.firm import Firm
from reconcile import plan as plans

MOST_TURNS = 8
CONTROLLER = "demo controller"  # consents to every line that waits for a person, so that the demo needs none


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Another seed, another firm.")] = 7,
    folder: Annotated[Path, typer.Option(help="Where the firm's project goes.")] = Path("demo"),
    scale: Annotated[float, typer.Option(help="How big: 1 is about 7,000 records.")] = 0.5,
    json: Json = False,
) -> None:
    """Start an invented firm, run the loop until it is at rest, and show what was found and corrected."""
    from hub.twin.twin import Twin

    started = time.monotonic()
    make_room(folder)
    twin = Twin(seed, scale)
    twin.start()
    try:
        twin.write_project(folder)
        firm = the_firm(folder)
        with console.stages(quiet=json):
            first, turns = _turn_until_rest(firm, json)
        summary = _summary(firm, twin, first, turns)
        files = _report(firm)
    finally:
        twin.stop()
    if json:
        console.as_json(summary | {"seconds": round(time.monotonic() - started, 1)})
    else:
        _tell(folder, summary, files, time.monotonic() - started)


def make_room(folder: Path) -> None:
    """Clear away an earlier demo, and nothing else."""
    if folder.exists() and any(folder.iterdir()):
        if "An invented firm" not in (folder / "concord.yaml").read_text() if (folder / "concord.yaml").exists() else True:
            raise Refused(f"{folder} holds something that is no demo; name another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _turn_until_rest(firm: Firm, quiet: bool) -> tuple[dict, list]:
    """Cycles until one writes nothing and leaves nothing to consent to; what the first one found, and all of them."""
    from assets import cycle

    turns, first = [], {}
    for number in range(1, MOST_TURNS + 1):
        if not quiet:
            console.err.print(f"[bold]turn {number}[/bold]")
        turns.append(cycle.run(firm, kept=False))
        if turns[-1].failures:
            raise Refused("; ".join(turns[-1].failures))
        first = first or _found(firm)
        if not _consent(firm) and not turns[-1].wrote:
            break
    return first, turns


def _consent(firm: Firm) -> int:
    """The controller's consent to what waits for it; how many lines."""
    with store.reading(firm.cuts) as connection:
        present = plans.read(connection)
    with journal.open(firm.journal) as entries:
        return plans.approve(entries, present, present.hash, CONTROLLER) if present.count("needs_consent") else 0


def _found(firm: Firm) -> dict:
    with store.reading(firm.cuts) as connection:
        return {
            "discrepancies": dict(
                connection.execute("SELECT class, count(*) FROM discrepancy.found GROUP BY class ORDER BY class").fetchall()
            ),
            "at_stake": dict(connection.execute("SELECT currency, money FROM mart.at_stake ORDER BY currency").fetchall()),
        }


def _summary(firm: Firm, twin, first: dict, turns: list) -> dict:
    with store.reading(firm.cuts) as connection:
        one = lambda sql: connection.execute(sql).fetchone()[0]
        counted = lambda sql: dict(connection.execute(sql).fetchall())
        changes: dict[str, int] = {}
        for turn in turns:
            changes = {kind: changes.get(kind, 0) + turn.changes.get(kind, 0) for kind in sorted(changes.keys() | turn.changes.keys())}
        crossref: dict[str, dict[str, str]] = {}
        for entity, record_ref, hub_id in connection.execute("SELECT entity, record_ref, hub_id FROM journal.crossref").fetchall():
            crossref.setdefault(entity, {})[record_ref] = hub_id
        return {
            "seed": twin.seed,
            "systems": len(firm.systems),
            "snapshots": one("SELECT count(*) FROM capture.snapshot"),
            "records": one("SELECT sum(record_count)::BIGINT FROM mart.record_count"),
            "changes": changes,
            "quarantined": one("SELECT count(*) FROM capture.quarantine"),
            "clusters": counted("SELECT entity, count(DISTINCT hub_id) FROM journal.crossref GROUP BY entity ORDER BY entity"),
            "golden": one("SELECT count(DISTINCT hub_id) FROM journal.crossref"),
            **first,
            "planned": one(
                "SELECT count(DISTINCT line ->> 'line_id') FROM (SELECT unnest(from_json(body -> 'lines', '[\"JSON\"]')) AS line FROM journal.event WHERE kind = 'plan.sealed')"
            ),
            "approved": one("SELECT count(DISTINCT line_id) FROM journal.approval"),
            "pushed": one("SELECT count(DISTINCT line_id) FROM journal.push"),
            "confirmed": one("SELECT count(DISTINCT line_id) FROM journal.push WHERE state = 'confirmed'"),
            "held": one("SELECT count(*) FROM work.plan_line WHERE status = 'held'"),
            "remaining": counted("SELECT class, count(*) FROM discrepancy.found GROUP BY class ORDER BY class"),
            "exceptions": counted("SELECT kind, count(*) FROM journal.exception GROUP BY kind ORDER BY kind"),
            "cycles": len(turns),
            "truth": twin.score(crossref),
        }


def _report(firm: Firm) -> dict[str, Path]:
    from reconcile import report

    with store.reading(firm.cuts) as connection:
        return report.write(connection, firm.out, f"report-{datetime.now(UTC):%Y-%m-%dT%H%M}")


def _tell(folder: Path, summary: dict, files: dict[str, Path], seconds: float) -> None:
    money = " · ".join(f"{currency} {amount:,.2f}" for currency, amount in summary["at_stake"].items())
    customer = summary["truth"]["customer"]
    console.out.print(
        f"""
  found       {sum(summary["discrepancies"].values()):,} discrepancies in {summary["records"]:,} records of {summary["systems"]} systems
  at stake    {money}
  corrected   {summary["planned"]:,} planned · {summary["approved"]:,} approved · {summary["pushed"]:,} pushed · {summary["confirmed"]:,} confirmed · {summary["held"]:,} held
  left        {", ".join(f"{count} {name}" for name, count in summary["remaining"].items()) or "nothing"}: these need a person in the system itself
  identity    customers: precision {customer["precision"]:.3f}, recall {customer["recall"]:.3f} against the known truth
  took        {summary["cycles"]} turns, {seconds:.0f} s

  report      {next(iter(files.values()))}
  look around hub status -p {folder} · hub plan -p {folder} · hub exceptions -p {folder} · hub serve -p {folder}""",
        soft_wrap=True,
        markup=False,
    )
