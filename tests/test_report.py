"""The discrepancy report, on a tiny firm that delivers files and has something to disagree about."""

import csv
import re
import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from assets import correct, observe, understand
from hub import firm, journal, store
from reconcile import charts, report, report_facts, report_xlsx

FIRM = Path(__file__).parent / "models" / "firm"
DROP = {
    "accounts.csv": """Id,Hub,Master,Name,Stage,Tax,Register,Website,Terms
A1,,,Example Works,Client,,HRB 1001,works.example,N30
A2,,,"=HYPERLINK(""https://evil.example"",""see"")",Client,,HRB 1002,mills.example,N30
A3,,,Sample Forge,Lead,,HRB 1003,forge.example,N45
""",
    "customers.csv": """Nr,Name,Tax,Register,Web,Terms
1,Example Works GmbH,DE136695976,HRB 1001,works.example,30
2,<b>Sample Mills</b> Ltd,,HRB 1002,mills.example,30
""",
    "crm_invoices.csv": """Id,Number,Status,Due,Account
I1,R1,Open,2026-12-31,A1
""",
    "erp_invoices.csv": """Nr,Status,Due,Amount,Currency,Open,Customer
R1,P,2026-12-31,1000.00,EUR,1000.00,1
R2,P,2026-12-31,1200.00,EUR,1200.00,1
R3,P,2026-12-31,300.00,USD,300.00,2
""",
    "projects.csv": """Code,Rate,Currency
P1,150.00,EUR
""",
    "hours.csv": """Id,Minutes,Project,Status,Day
T1,450,P1,OK,2026-11-02
""",
}


@pytest.fixture(scope="module")
def the_firm(tmp_path_factory):
    """A firm after one cycle, with a published cut."""
    folder = tmp_path_factory.mktemp("firm")
    shutil.copytree(FIRM, folder, dirs_exist_ok=True)
    (folder / "drop").mkdir()
    for name, text in DROP.items():
        (folder / "drop" / name).write_text(text)
    found = firm.read(folder)
    kept = journal.open(found.journal)
    for name in found.systems:
        observe.observe(found, name, kept)
    understand.understand(found, kept)
    correct.make_plan(found, kept)
    store.publish(found.hub_file, found.cuts, "first")
    return found


@pytest.fixture
def connection(the_firm):
    with store.reading(the_firm.cuts) as found:
        yield found


@pytest.fixture
def files(connection, tmp_path):
    return report.write(connection, tmp_path / "out", "report-2026-11-21T0900")


def test_amounts_of_two_currencies_are_never_added_up(connection):
    facts = report_facts.gather(connection)

    stake = {row["currency"]: (row["count"], float(row["money"])) for row in facts["stake"].rows(named=True)}

    # In each currency an invoice that sales lacks, and the sum of its customer, which differs for that.
    assert stake == {"EUR": (2, 1200.0 + 2200.0), "USD": (2, 300.0 + 300.0)}


def test_a_discrepancy_names_what_it_is_about_in_words_that_people_know(connection):
    facts = report_facts.gather(connection)

    rows = (
        facts["discrepancies"]
        .filter(pl.col("currency") == "USD")
        .sort("class")
        .select("class", "entity", "name", "system", "object", "owner")
        .rows()
    )

    assert rows == [
        ("missing_counterpart", "invoice", "R3", "crm", "invoices", "crm"),
        ("sum_differs", "customer", "<b>Sample Mills</b> Ltd", "crm", "invoices", "finance"),
    ]


def test_a_sensitive_value_is_masked_in_every_format(files):
    texts = [files["html"].read_text(), files["csv"].read_text(), "".join(_parts(files["xlsx"]).values())]

    assert [("DE136695976" in text, "D… (masked)" in text) for text in texts] == [(False, True)] * 3


def test_what_is_neither_personal_nor_sensitive_is_told_before_and_after(connection):
    facts = report_facts.gather(connection)

    row = facts["discrepancies"].filter(pl.col("field") == "legal_name", pl.col("record_id") == "A1")

    assert row.select("said", "should", "owner").rows() == [("Example Works", "Example Works GmbH", "crm")]


def test_a_name_that_looks_like_a_formula_stays_text_in_the_workbook_and_the_csv(files):
    sheets = _parts(files["xlsx"])
    cells = [cell for row in csv.reader(files["csv"].open(encoding="utf-8-sig")) for cell in row]

    assert not any("<f>" in text for name, text in sheets.items() if name.startswith("xl/worksheets"))
    assert "=HYPERLINK(" in sheets["xl/sharedStrings.xml"]
    assert [cell for cell in cells if "HYPERLINK" in cell] == ['\'=HYPERLINK("https://evil.example","see")']


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum(1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"])
def test_text_that_a_spreadsheet_may_take_for_a_formula_gets_an_apostrophe(text):
    table = pl.DataFrame({"a": [text, "plain - text", None]})

    safe = table.select(report_xlsx.defused("a"))

    assert safe.get_column("a").to_list() == [f"'{text}", "plain - text", None]


def test_the_workbook_has_numbers_dates_filters_and_a_frozen_header(files):
    tables = {name: pl.read_excel(files["xlsx"], sheet_name=name) for name in ("Summary", "Discrepancies", "Plan", "Exceptions", "Counts")}
    sheets = _parts(files["xlsx"])

    assert tables["Discrepancies"].schema["money"].is_numeric() and tables["Discrepancies"].schema["opened_at"].is_temporal()
    assert all(
        'state="frozen"' in sheets[f"xl/worksheets/sheet{at}.xml"] and "<autoFilter" in sheets[f"xl/tables/table{at}.xml"]
        for at in range(1, 6)
    )


def test_the_page_needs_no_other_file_and_no_script_and_closes_what_it_opens(files):
    page = files["html"].read_text()

    assert not re.search(r"<script|<link|<img|\bsrc=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)(?!evil\.example)", page)
    assert _Nesting.of(page) == []


def test_markup_in_a_name_is_shown_and_not_obeyed(files):
    page = files["html"].read_text()

    assert "&lt;b&gt;Sample Mills&lt;/b&gt; Ltd" in page and "<b>Sample Mills" not in page


def test_the_page_tells_what_waits_for_whom(files):
    page = files["html"].read_text()

    for said in ("1,125.00", "not yet due", "correct the record, or system.yaml", "quarantine", "Wait for consent"):
        assert said in page


def test_a_picture_says_in_words_what_it_shows():
    picture = charts.bars("stake", "At stake", "Duplicates: <2", [("Duplicates", 2, "<2"), ("None", 0, "0")])

    assert 'role="img"' in picture and '<title id="stake-title">At stake</title>' in picture
    assert '<desc id="stake-says">Duplicates: &lt;2</desc>' in picture and ">&lt;2</text>" in picture


def test_the_marts_agree_with_the_report(connection):
    rows = connection.execute("SELECT system, object, record_count FROM mart.quarantine").fetchall()
    read = connection.execute("SELECT count(*), min(row_count) FROM mart.freshness").fetchone()

    assert rows == [("crm", "accounts", 1)]
    assert read == (6, 1)


def _parts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist() if name.endswith(".xml")}


class _Nesting(HTMLParser):
    """Tags that are closed without being open, or left open."""

    VOID = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    @classmethod
    def of(cls, page: str) -> list[str]:
        parser = cls()
        parser.feed(page)
        return parser.wrong + parser.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Nothing is left open."""

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
