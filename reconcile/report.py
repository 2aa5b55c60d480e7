"""The discrepancy report: what is at stake, what changed, what was done, what waits for whom."""

from operator import itemgetter
from pathlib import Path

import duckdb
import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reconcile import charts, report_facts, report_xlsx

CLASSES = {
    "value_differs": "Value differs",
    "not_owned": "Changed where it is not owned",
    "missing_counterpart": "Missing counterpart",
    "arose_elsewhere": "Arose where it may not",
    "duplicate": "Duplicate",
    "orphan_reference": "Orphan reference",
    "sum_differs": "Sum differs",
}
GROUPED = ("class", "entity", "system", "object", "field", "currency")
SUMMARY = {"currency": pl.String, "money": pl.Decimal(18, 2), "count": pl.Int64, "oldest_days": pl.Int64}


def html(connection: duckdb.DuckDBPyConnection) -> str:
    """The report as one page that needs no other file, from a connection on a cut."""
    return _page(report_facts.gather(connection))


def write(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> dict[str, Path]:
    """Write the report as HTML, XLSX and CSV; returns {format: file}. The CSV has the discrepancies."""
    facts = report_facts.gather(connection)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: folder / f"{name}.{kind}" for kind in ("html", "xlsx", "csv")}
    paths["html"].write_text(_page(facts), encoding="utf-8")
    report_xlsx.write(
        paths["xlsx"],
        {
            "Summary": _summary(facts),
            "Discrepancies": facts["discrepancies"],
            "Plan": facts["plan"],
            "Exceptions": facts["exception_list"],
            "Counts": facts["counts"],
        },
    )
    report_xlsx.write_csv(paths["csv"], facts["discrepancies"])
    return paths


def _summary(facts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What is at stake, by class and by owner, in one table."""
    parts = []
    for by in ("class", "owner"):
        columns = (pl.col(column).cast(kind) for column, kind in SUMMARY.items())
        parts.append(facts[f"by_{by}"].select(pl.lit(by).alias("by"), pl.col(by).alias("of"), *columns))
    return pl.concat(parts)


def _page(facts: dict[str, pl.DataFrame]) -> str:
    environment = Environment(
        loader=PackageLoader("reconcile"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": _number, "money": _money, "words": _words}
    tables = {name: table.rows(named=True) for name, table in facts.items() if name not in ("discrepancies", "plan", "exception_list")}
    tables["groups"] = _with_top(tables["groups"], tables.pop("top"))
    return environment.get_template("report.html").render(tables, charts=_charts(tables), classes=CLASSES)


def _with_top(groups: list[dict], top: list[dict]) -> list[dict]:
    """Each group with the discrepancies of it that the page shows."""
    of = itemgetter(*GROUPED)
    shown: dict[tuple, list[dict]] = {}
    for row in top:
        shown.setdefault(of(row), []).append(row)
    return [group | {"top": shown[of(group)]} for group in groups]


def _charts(tables: dict[str, list[dict]]) -> dict[str, list[Markup]]:
    by_class, counts = tables["by_class"], tables["counts"]
    return {
        "stake": [
            _stake(each["currency"], [row for row in by_class if row["money"] and row["currency"] == each["currency"]])
            for each in tables["stake"]
        ],
        "age": [_age(tables["age"])],
        "counts": [
            _counts(each["entity"], each["things"], [row for row in counts if row["entity"] == each["entity"]]) for each in tables["things"]
        ],
    }


def _stake(currency: str | None, rows: list[dict]) -> Markup:
    currency = currency or "no currency"
    bars = [
        (CLASSES.get(row["class"], row["class"]), float(row["money"]), f"{_money(row['money'])} {currency} · {row['count']:,}")
        for row in rows
    ]
    return charts.bars(f"stake-{currency}", f"At stake in {currency}, by class", _told(bars), bars)


def _age(rows: list[dict]) -> Markup:
    bars = [(row["bucket"], row["count"], _number(row["count"])) for row in rows]
    return charts.columns("age", "Age of open discrepancies", _told(bars), bars)


def _counts(entity: str, things: int, rows: list[dict]) -> Markup:
    held = [("real things", things), *((row["system"], row["record_count"]) for row in rows)]
    bars = [(label, count, _number(count)) for label, count in held]
    return charts.bars(f"counts-{entity}", f"Records of {_words(entity)}", _told(bars), bars, 310)


def _told(bars: list[tuple[str, float, str]]) -> str:
    return "; ".join(f"{label}: {words}" for label, _, words in bars)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _words(name: str | None) -> str:
    return (name or "").replace("_", " ")
