"""hub match: who is who in files alone."""

import time
from pathlib import Path
from typing import Annotated

import typer

from assets import console
from assets.cli import Json, app
from assets.console import FINDINGS
from hub.errors import ConfigurationWrong

KINDS = ("customer", "contact", "worker")


@app.command()
def match(
    files: Annotated[list[Path], typer.Argument(help="CSV, XLSX, Parquet or NDJSON.")],
    entity: Annotated[str, typer.Option(help="customer, contact or worker: what a row is.")],
    out: Annotated[Path, typer.Option(help="One row out for each row in; .csv or .parquet. The doubtful pairs go beside it, as HTML.")],
    map: Annotated[
        list[str] | None, typer.Option(help="canonical=column; an empty column leaves a field out. Goes before what is recognised.")
    ] = None,
    id: Annotated[str, typer.Option(help="The column that tells rows apart; their number otherwise.")] = "",
    json: Json = False,
) -> None:
    """Find who is who in one or several files: no project, no systems."""
    from reconcile import match as matching, match_page

    started = time.monotonic()
    if entity not in KINDS:
        raise ConfigurationWrong(f"--entity {entity}: is none of {', '.join(KINDS)}")
    if out.suffix not in (".csv", ".parquet"):
        raise ConfigurationWrong(f"--out {out}: write a name that ends with .csv or .parquet")
    read = [matching.read(path, entity, _said(map or [])) for path in files]
    if not json:
        rows = [(each.path.name, chosen.column, " + ".join(chosen.sources), chosen.why) for each in read for chosen in each.chosen]
        console.table(rows, ["file", "is", "column", "known by"], json_too=False)
    found = matching.match(read, entity, id or None)
    out.parent.mkdir(parents=True, exist_ok=True)
    found.rows.write_parquet(out) if out.suffix == ".parquet" else found.rows.write_csv(out)
    page = out.with_suffix(".html")
    page.write_text(match_page.page(found, read, entity))
    summary = _summary(found, read) | {"out": out, "page": page, "seconds": round(time.monotonic() - started, 1)}
    console.as_json(summary) if json else _tell(summary, entity)
    raise typer.Exit(FINDINGS if summary["pairs_to_review"] else 0)


def _said(pairs: list[str]) -> dict[str, str]:
    if wrong := next((pair for pair in pairs if "=" not in pair), None):
        raise ConfigurationWrong(f"--map {wrong}: write canonical=column, as in legal_name=Firma")
    return {canonical.strip(): column.strip() for canonical, _, column in (pair.partition("=") for pair in pairs)}


def _summary(found, read) -> dict:
    bands = dict(found.rows["band"].value_counts().sort("band").iter_rows())
    return {
        "files": {each.path.name: each.records.height for each in read},
        "columns": {each.path.name: {chosen.column: list(chosen.sources) for chosen in each.chosen} for each in read},
        "rows": found.rows.height,
        "clusters": found.clusters,
        "bands": {band: bands.get(band, 0) for band in ("link", "review", "single")},
        "pairs_to_review": found.pairs.height,
        "expected": {"wrong_links": round(found.wrong, 2), "missed_links": round(found.missed, 2)},
    }


def _tell(summary: dict, entity: str) -> None:
    bands = summary["bands"]
    console.out.print(f"\n{summary['rows']:,} rows are {summary['clusters']:,} {entity}s, in {summary['seconds']} s")
    console.out.print(f"{bands['link']:,} linked · {bands['review']:,} in doubt · {bands['single']:,} single")
    console.out.print(
        f"by the weights, about {summary['expected']['wrong_links']} links are wrong and {summary['expected']['missed_links']} are missing"
    )
    console.out.print(
        f"rows   {summary['out']}\npairs  {summary['page']}: {summary['pairs_to_review']:,} for a person to look at", soft_wrap=True
    )
