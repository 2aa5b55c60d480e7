"""What exports really contain is read as it stands."""

import csv
import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import xlsxwriter
from drops import YESTERDAY, open_folder, people, put, rows
from hypothesis import given, strategies as st

from hub.systems.files import connector

CELL = st.text(st.sampled_from("aß0 ,;\"\n'=\t\\|"), max_size=6)


def test_text_stays_as_it_stands_in_the_file(folder):
    put(folder, "people.csv", 'No,Name,Share\r\n007,"Doe, ""Jo""\r\nof Bonn",1.10\r\n008,=1+1,\r\n')

    assert rows(folder, people()) == [
        {"No": "007", "Name": 'Doe, "Jo"\nof Bonn', "Share": "1.10"},
        {"No": "008", "Name": "=1+1", "Share": None},
    ]


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_whatever_a_csv_writer_writes_is_read_as_it_was(cells):
    with TemporaryDirectory() as home:
        with open(Path(home) / "people.csv", "w", newline="") as file:
            csv.writer(file).writerows([("No", "Name", "Note"), *((number, *pair) for number, pair in enumerate(cells))])
        os.utime(file.name, (YESTERDAY, YESTERDAY))

        found = rows(Path(home), people())

    assert found == [{"No": str(number), "Name": name or None, "Note": note or None} for number, (name, note) in enumerate(cells)]


def test_a_file_comes_in_pages_and_only_the_last_is_marked(folder, monkeypatch):
    monkeypatch.setattr(connector, "PAGE", 2)
    put(folder, "people.csv", "No,Name\n1,A\n2,B\n3,C\n")
    each = people()

    pages = list(open_folder(folder, each).read(each, None))

    fields = frozenset({"No", "Name"})
    assert [(len(page.rows), page.last, page.fields) for page in pages] == [(2, False, fields), (1, True, fields)]


def test_the_newest_file_counts_by_the_date_in_its_name_and_then_by_its_time(folder):
    put(folder, "people-2026-11-20.csv", "No,Name\n1,dated older\n", at=YESTERDAY + 5)
    put(folder, "people_21.11.2026.csv", "No,Name\n1,dated newer\n")
    put(folder, "people.csv", "No,Name\n1,undated\n", at=YESTERDAY + 9)

    assert rows(folder, people()) == [{"No": "1", "Name": "dated newer"}]


def test_all_matching_files_together_are_one_read_when_asked(folder):
    put(folder, "people-north.csv", "No,Name\n1,A\n")
    put(folder, "people-south.csv", "No,Name,Office\n2,B,Bonn\n")

    assert rows(folder, people(all=True)) == [{"No": "1", "Name": "A", "Office": None}, {"No": "2", "Name": "B", "Office": "Bonn"}]


def test_a_declared_encoding_is_used_when_the_file_is_not_utf_8(folder):
    put(folder, "people-1.csv", "No;Name\n1;Müller\n".encode("cp1252"))
    put(folder, "people-2.csv", "No;Name\n2;Łukasz\n".encode("utf-8-sig"))

    assert rows(folder, people(all=True, delimiter=";", encoding="cp1252")) == [
        {"No": "1", "Name": "Müller"},
        {"No": "2", "Name": "Łukasz"},
    ]


def test_several_columns_are_one_key(folder):
    put(folder, "people.csv", "Company,Number,Name\n01,7,A\n02,7,B\n02,,C\n")
    each = people(key=["Company", "Number"])

    found = rows(folder, each)

    assert [row["No"] for row in found] == ["01|7", "02|7", None]
    assert open_folder(folder, each).look(each, ["02|7"])["02|7"].row["Name"] == "B"


def test_a_workbook_gives_text_and_days_as_iso_whatever_stands_above_the_header(folder):
    folder.mkdir()
    with xlsxwriter.Workbook(str(folder / "people.xlsx"), {"default_date_format": "dd.mm.yyyy"}) as book:
        book.add_worksheet("Notes")
        sheet = book.add_worksheet("Staff")
        sheet.write_row(0, 0, ["Staff as of today"])
        sheet.write_row(2, 0, ["No", "Name", "Since", "Seen", "Number", "Active"])
        sheet.write_row(3, 0, ["007", "Müller", date(2024, 3, 1), datetime(2024, 3, 1, 13, 5), 1001, True])
        sheet.write_row(5, 0, ["008", "Example", "1.3.2024", None, 1.5, False])

    found = rows(folder, people(pattern="people*.xlsx", sheet="Staff", header_row=3))

    assert found == [
        {"No": "007", "Name": "Müller", "Since": "2024-03-01", "Seen": "2024-03-01 13:05:00", "Number": "1001", "Active": "true"},
        {"No": "008", "Name": "Example", "Since": "1.3.2024", "Seen": None, "Number": "1.5", "Active": "false"},
    ]


def test_parquet_and_json_lines_give_the_same_text_as_a_csv(folder):
    folder.mkdir()
    typed = pl.DataFrame({"No": ["007"], "Name": ["A"], "Rate": [Decimal("1.10")], "Since": [date(2024, 3, 1)], "Active": [True]})
    typed.write_parquet(folder / "people.parquet")
    put(folder, "people.ndjson", '{"No": "007", "Name": "A"}\n{"No": "8", "Name": null, "Rate": 1.5, "Active": true}\n')

    assert rows(folder, people(pattern="*.parquet")) == [
        {"No": "007", "Name": "A", "Rate": "1.10", "Since": "2024-03-01", "Active": "true"}
    ]
    assert rows(folder, people(pattern="*.ndjson")) == [
        {"No": "007", "Name": "A", "Rate": None, "Active": None},
        {"No": "8", "Name": None, "Rate": "1.5", "Active": "true"},
    ]
