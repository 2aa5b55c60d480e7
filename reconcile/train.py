"""`python -m reconcile.train PROJECT`: learn from a firm's own records, without labels, how much each agreement weighs."""

import argparse
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import log2
from pathlib import Path
from statistics import mean

import duckdb

from hub import entity, firm, matching, pairs, rules, store
from hub.errors import HubError
from hub.matching import Matching
from reconcile import learn

NUMBER = r"-?\d[\d.eE+-]*"
HEAD = "record_ref, system || ':' || object AS source, NULL::TEXT AS hub_id_said"


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
    learned = [learned_of(project, name) for project in projects]
    found = mean_of(how, [each for each, _ in learned])
    path = into / f"{name}.yaml"
    text = written(matching.source(name, into).read_text(), found)
    if not dry_run:
        into.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    records = sum(count for _, count in learned)
    return {"file": str(path), "records": records, "prior": [how.prior, round(found.prior, 3)], "levels": _changes(how, found)}


def learned_of(project: Path, name: str) -> tuple[Matching, int]:
    """What the live records of an entity teach, in the newest cut, else in the hub; and how many they are. Raises HubError."""
    the_rules = rules.of(str(project.resolve()))
    how, known = the_rules.matching(name), the_rules.entities[name]
    near = {key: pairs.around(held) for key, held in the_rules.around(name).items()}
    with _hub(firm.read(project)) as connection:
        live = f"(SELECT * FROM canonical.{name} WHERE is_live)"
        connection.execute(f"CREATE TEMP TABLE key AS {how.select(HEAD, live, known.columns(), near)}")
        records = connection.execute("SELECT count(*) FROM key").fetchone()[0]
        return learn.learn(connection, "key", how, known.identity.strong), records


def mean_of(how: Matching, learned: list[Matching]) -> Matching:
    """Several firms' numbers as one: each firm counts the same. What the firms' records are silent of stays as it is."""
    said = how.model_dump() | {"prior": mean(each.prior for each in learned)}
    for name in learned[0].comparisons:
        for number, level in enumerate(said["comparisons"][name]["levels"]):
            seen = [each.comparisons[name].levels[number] for each in learned]
            level |= {"m": mean(each.m for each in seen), "u": mean(each.u for each in seen)}
    return Matching.model_validate(said)


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


def written(text: str, found: Matching) -> str:
    """The text of a matching with its m, u and prior replaced, all else as it was. Raises HubError when they can't be found in it."""
    levels = [level for each in found.comparisons.values() for level in each.levels]
    pattern = re.compile(rf"m: {NUMBER}, u: {NUMBER}")
    if len(pattern.findall(text)) != len(levels):
        raise HubError("write each level's numbers as `m: 0.9, u: 0.001`, side by side; see docs/identity.md")
    following = iter(levels)
    text = pattern.sub(lambda _: "m: {0.m:.4g}, u: {0.u:.4g}".format(next(following)), text)
    return re.sub(rf"^prior: {NUMBER}", f"prior: {found.prior:.2f}", text, flags=re.MULTILINE)


def _changes(how: Matching, found: Matching) -> list[dict]:
    return [
        {
            "comparison": name,
            "when": old.when or "else",
            "m": new.m,
            "u": new.u,
            "weight": [round(old.weight, 2), round(log2(new.m / new.u), 2)],
        }
        for name, each in how.comparisons.items()
        for old, new in zip(each.levels, found.comparisons[name].levels)
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
        "--entity",
        nargs="+",
        choices=(known := sorted(name for name, each in entity.all_entities().items() if each.identity.evidence)),
        default=known,
    )
    parser.add_argument("--into", type=Path, help="the folder to write to; the first firm's identity/ by default")
    parser.add_argument("--dry-run", action="store_true", help="say what would change and write nothing")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
