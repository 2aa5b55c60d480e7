"""`python -m reconcile.train PROJECT`: learn from a firm's own records, without labels, how much each agreement weighs."""

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import log2
from pathlib import Path

import duckdb
import polars as pl

from hub import entity, firm, matching, store
from hub.errors import HubError
from hub.matching import Matching
from reconcile import splink_model
from reconcile.splink_model import Trained

NUMBER = r"-?\d[\d.eE+-]*"


def main() -> None:
    asked = _arguments()
    into = asked.into or asked.projects[0] / "identity"
    try:
        report = {name: _trained(name, asked.projects, into, asked.dry_run) for name in asked.entity}
    except HubError as wrong:
        raise SystemExit(str(wrong)) from wrong
    print(json.dumps(report, indent=1) if asked.json else "\n".join(_sentences(report)))


def _trained(name: str, projects: list[Path], into: Path, dry_run: bool) -> dict:
    """Train one entity, by its file in this folder or else by ours, and write it there; gives what changed."""
    how = matching.read(name, into)
    read = columns_read(how, entity.all_entities()[name].columns())
    found = splink_model.mean_of([splink_model.train(how, keys(project, name, how), read) for project in projects])
    path = into / f"{name}.yaml"
    text = written(matching.source(name, into).read_text(), found)
    if not dry_run:
        into.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"file": str(path), "records": found.records, "prior": [how.prior, round(found.prior, 3)], "levels": _changes(how, found)}


def keys(project: Path, name: str, how: Matching) -> pl.DataFrame:
    """record_ref and the keys of the live records of an entity, from the newest cut, else from the hub."""
    columns = ", ".join(f"({sql})::TEXT AS {key}" for key, sql in how.key_sql().items())
    with _hub(firm.read(project)) as connection:
        return connection.execute(f"SELECT record_ref, {columns} FROM canonical.{name} WHERE is_live ORDER BY record_ref").pl()


@contextmanager
def _hub(the_firm: firm.Firm) -> Iterator[duckdb.DuckDBPyConnection]:
    if (the_firm.cuts / "current").exists():
        with store.reading(the_firm.cuts) as connection:
            yield connection
    elif the_firm.hub_file.exists():
        with store.writing(the_firm.hub_file) as connection:
            yield connection
    else:
        raise HubError(f"{the_firm.folder}: no records yet; run `hub run` first")


def columns_read(how: Matching, columns: Iterable[str]) -> dict[str, frozenset[str]]:
    """Which of these columns each key is made from."""
    return {key: frozenset(re.findall(r"\w+", sql)) & frozenset(columns) for key, sql in how.keys.items()}


def written(text: str, found: Trained) -> str:
    """The text of a matching with its m, u and prior replaced, all else as it was. Raises HubError when they can't be found in it."""
    numbers = [pair for levels in found.levels.values() for pair in levels]
    level = re.compile(rf"m: {NUMBER}, u: {NUMBER}")
    if len(level.findall(text)) != len(numbers):
        raise HubError("write each level's numbers as `m: 0.9, u: 0.001`, side by side; see docs/identity.md")
    following = iter(numbers)
    text = level.sub(lambda _: "m: {:.4g}, u: {:.4g}".format(*next(following)), text)
    return re.sub(rf"^prior: {NUMBER}", f"prior: {found.prior:.2f}", text, flags=re.MULTILINE)


def _changes(how: Matching, found: Trained) -> list[dict]:
    return [
        {"comparison": name, "when": level.when or "else", "m": m, "u": u, "weight": [round(level.weight, 2), round(log2(m / u), 2)]}
        for name, each in how.comparisons.items()
        for level, (m, u) in zip(each.levels, found.levels[name])
    ]


def _sentences(report: dict[str, dict]) -> list[str]:
    lines = []
    for name, each in report.items():
        before, after = each["prior"]
        lines.append(f"{name}: learned from {each['records']:,} records; prior {before:.2f} -> {after:.2f}; {each['file']}")
        lines += [_sentence(*one["weight"], one) for one in each["levels"]]
    return lines


def _sentence(before: float, after: float, one: dict) -> str:
    return f"  {one['comparison']:<8} {before:6.2f} -> {after:6.2f}   m {one['m']:.3f}  u {one['u']:.5f}   {one['when']}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m reconcile.train", description=__doc__)
    parser.add_argument("projects", type=Path, nargs="+", help="a firm's project folder; of several, the mean is taken")
    parser.add_argument(
        "--entity", nargs="+", choices=(known := sorted(path.stem for path in matching.FOLDER.glob("*.yaml"))), default=known
    )
    parser.add_argument("--into", type=Path, help="the folder to write to; the first firm's identity/ by default")
    parser.add_argument("--dry-run", action="store_true", help="say what would change and write nothing")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
