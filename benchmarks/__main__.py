"""`python -m benchmarks`: each in a process of its own, peers in turns; medians. `--json` also writes out/benchmarks.json; `--small` takes a tenth of the rows."""

import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.measure import ROOT, Cost, alternating, run

TIMES = 3


def main(arguments: list[str]) -> None:
    share = 10 if "--small" in arguments else 1
    found: dict[str, dict[str, Cost]] = {}
    for name, measured in (
        ("capture", lambda folder: _capture(folder, 10_000_000 // share)),
        ("validation", lambda folder: _validation(folder, 1_000_000 // share)),
        ("cycle", lambda folder: _cycle(folder, 1_000_000 // share)),
        ("identity", lambda folder: _identity(folder, 1_000_000 // share)),
        ("plan", lambda folder: _plan(folder, 1_000_000 // share)),
        ("push", lambda folder: _push(folder, 10_000 // share)),
        ("start", _start),
    ):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measured(folder)
        _print(name, found[name])
    if "--json" in arguments:
        (ROOT / "out").mkdir(exist_ok=True)
        (ROOT / "out" / "benchmarks.json").write_text(
            json.dumps({name: {each: asdict(cost) for each, cost in costs.items()} for name, costs in found.items()}, indent=1)
        )


def _capture(folder: str, rows: int) -> dict[str, Cost]:
    first = run("capture.prepare", folder, str(rows))
    return {"first load": first} | alternating(
        TIMES, {name: lambda name=name: run(f"capture.{name}", folder) for name in ("scan", "find", "load")}
    )


def _validation(folder: str, rows: int) -> dict[str, Cost]:
    """The slow ones once, on a tenth of the rows: rows per CPU second are what compares."""
    own = {name: lambda name=name: _told(f"validation.{name}", folder, rows) for name in ("hub", "read_json_auto", "pydantic")}
    run("validation.prepare", folder, str(rows))
    found = alternating(TIMES, own)
    run("validation.prepare", folder, str(rows // 10))
    return found | {name: _told(f"validation_peers.{name}", folder, rows // 10) for name in ("dlt", "singer")}


def _told(function: str, folder: str, rows: int) -> Cost:
    return replace(run(function, folder), rows=rows)


def _cycle(folder: str, records: int) -> dict[str, Cost]:
    return {"cycles": run("cycle.cycles", str(Path(folder) / "firm"), str(records))}


def _identity(folder: str, records: int) -> dict[str, Cost]:
    """Organisations of five systems, ours and Splink's; then a hub in which one record in a hundred changes. Accuracy: benchmarks/identity.py."""
    run("matching.prepare", folder, str(records))
    found = alternating(TIMES, {name: lambda name=name: _told(f"matching.{name}", folder, records) for name in ("ours", "splink")})
    for name in found:
        print(f"{name}: {(Path(folder) / f'{name}.json').read_text()}")
    return found | {"in a hub": run("matching.edits", folder, str(records))}


def _plan(folder: str, records: int) -> dict[str, Cost]:
    """All differences of so many records as a sealed plan, the bare join that finds those of values, and plain SQL that finds the others too."""
    firm = str(Path(folder) / "firm")
    run("planning.prepare", firm, str(records))
    return alternating(TIMES, {name: lambda name=name: run(f"planning.{name}", firm) for name in ("join", "joins", "plan")})


def _push(folder: str, records: int) -> dict[str, Cost]:
    """So many corrections sent to a system with a batch endpoint and to one that takes single records, and a tenth of them 20 ms away; so many creates."""
    found = {}
    for how in ("hub", "client"):
        found[f"creates {how}"] = replace(run(f"creating.{how}", str(Path(folder) / f"creates-{how}"), str(records)), rows=records)
    for name, count, away in (("salesforce", records, "0"), ("netsuite", records, "0"), ("salesforce", records // 10, "20")):
        for how in ("hub", "client"):
            told = f"{name} {how}" + (f" {away} ms away" if away != "0" else "")
            found[told] = replace(run(f"pushing.{how}", str(Path(folder) / told.replace(" ", "-")), name, str(count), away), rows=count)
    return found


def _start(folder: str) -> dict[str, Cost]:
    return {"imports": run("cycle.imports"), "models": run("cycle.start", str(Path(folder) / "firm"))}


def _print(name: str, costs: dict[str, Cost]) -> None:
    print(f"\n{name:<28}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'rows/CPU s':>12}")
    for each, cost in costs.items():
        pace = f"{cost.rows / cost.cpu:>12,.0f}" if cost.rows else ""
        print(f"  {each:<26}{cost.cpu:>9.2f}{cost.wall:>9.2f}{cost.peak_mb:>9.0f}{pace}")
        for part, cpu in cost.parts.items():
            print(f"    {part:<24}{cpu:>9.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
