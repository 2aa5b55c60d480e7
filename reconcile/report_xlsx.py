"""The report as a workbook and as CSV: all rows, for those who go on working with them.

A cell that begins like a formula stays text. In the workbook it is written as a string; CSV knows no types, so there the OWASP
page "CSV Injection" is followed: such a cell gets an apostrophe in front, all text is quoted, and quotes in it are doubled.
"""

from pathlib import Path

import polars as pl
import polars.selectors as cs
import xlsxwriter

SHEET_ROWS = 1_048_575  # what Excel holds beside the header; CSV has the rest
AS_SAID = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "remove_timezone": True}
FORMULA = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"


def write(path: Path, sheets: dict[str, pl.DataFrame]) -> None:
    """One sheet a table: header frozen, filters on, numbers as numbers, dates as dates."""
    with xlsxwriter.Workbook(str(path), AS_SAID) as workbook:
        for name, table in sheets.items():
            table.head(SHEET_ROWS).write_excel(
                workbook,
                name,
                table_style="Table Style Light 1",
                freeze_panes=(1, 0),
                autofilter=True,
                autofit=True,
                dtype_formats={pl.Decimal: "#,##0.00", pl.Datetime: "yyyy-mm-dd hh:mm", pl.Date: "yyyy-mm-dd"},
            )


def write_csv(path: Path, table: pl.DataFrame) -> None:
    """The table with text that no spreadsheet takes for a formula; with the mark without which Excel misreads UTF-8."""
    safe = table.with_columns(defused(name) for name in table.select(cs.string()).columns)
    safe.write_csv(path, quote_style="non_numeric", include_bom=True)


def defused(name: str) -> pl.Expr:
    """A column of text, with an apostrophe in front where it begins like a formula."""
    text = pl.col(name)
    return pl.when(text.str.contains(FORMULA)).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)
