"""hub match: files alone become clusters, one row out for each row in, and a clear word for what can't be read."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.cli import app
from hub.errors import ConfigurationWrong, ContractBroken

EXPORT = """Kundennr;Firma;PLZ;Ort;Telefon;Info
1;Müller & Söhne GmbH;80331;München;+49 89 123456;office@mueller.example
2;Alder & Brook Ltd;10115;Berlin;;
3;Mueller und Soehne;80331;München;089 / 123456;
4;Nordwind AG;20095;Hamburg;;info@nordwind.example
"""
OTHER = """name,website,zip
"Mueller & Soehne GmbH",www.mueller.example,80331
Nordwind,https://nordwind.example/de,20095
Alder and Brook,,
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "export.csv").write_text(EXPORT)
    (tmp_path / "other.csv").write_text(OTHER)
    return tmp_path


def match(folder, *names, entity="customer", out="out.csv", **options):
    """What the command says, and the rows it wrote."""
    more = [text for name, value in options.items() for text in (f"--{name}", value)]
    done = CliRunner().invoke(
        app, ["match", *(str(folder / name) for name in names), "--entity", entity, "--out", str(folder / out), *more, "--json"]
    )
    if isinstance(done.exception, Exception):
        raise done.exception
    rows = pl.read_parquet(folder / out) if out.endswith("parquet") else pl.read_csv(folder / out, infer_schema=False)
    return json.loads(done.stdout) | {"exit": done.exit_code}, rows


def clusters(rows):
    return sorted(
        sorted(f"{file[0]}{row}" for file, row in group.select("source_file", "source_row").iter_rows())
        for _, group in rows.group_by("cluster_id")
    )


def test_rows_of_several_files_under_other_names_find_each_other(folder):
    summary, rows = match(folder, "export.csv", "other.csv")

    assert clusters(rows) == [["e1", "e3", "o1"], ["e2"], ["e4", "o2"], ["o3"]]
    assert dict(rows.filter(pl.col("source_row").is_in(["2", "3"])).select("Firma", "band").drop_nulls().iter_rows()) == {
        "Alder & Brook Ltd": "review",
        "Mueller und Soehne": "link",
    }
    assert (summary["rows"], summary["clusters"], summary["pairs_to_review"], summary["exit"]) == (7, 4, 1, 3)


def test_every_row_comes_out_once_in_its_order_with_all_it_said(folder):
    _, rows = match(folder, "export.csv", "other.csv", out="out.parquet")

    assert rows["source_file"].to_list() == ["export.csv"] * 4 + ["other.csv"] * 3
    assert rows["Firma"].to_list()[:4] == ["Müller & Söhne GmbH", "Alder & Brook Ltd", "Mueller und Soehne", "Nordwind AG"]
    assert rows["cluster_id"].to_list() == [1, 2, 1, 3, 1, 3, 4]
    assert rows["match_probability"].is_between(0, 1).all()


def test_the_page_of_doubtful_pairs_shows_both_sides_and_runs_nothing_of_theirs(folder):
    (folder / "other.csv").write_text(OTHER.replace("Alder and Brook,,", '"Alder and Brook",<script>alert(1)</script>,'))

    summary, _ = match(folder, "export.csv", "other.csv")

    page = (folder / "out.html").read_text()
    assert "Alder &amp; Brook Ltd" in page and "Alder and Brook" in page
    assert "<script" not in page
    assert summary["page"].endswith("out.html")


def test_columns_are_known_by_name_by_content_and_by_what_is_said(folder):
    summary, _ = match(folder, "export.csv", map="legal_name=Ort")

    assert summary["columns"]["export.csv"] == {
        "legal_name": ["Ort"], "phone": ["Telefon"], "billing_address_city": ["Ort"], "billing_address_postcode": ["PLZ"], "email": ["Info"]}  # fmt: skip


def test_given_and_family_names_are_compared_each_for_itself_also_when_they_changed_places(tmp_path):
    (tmp_path / "people.csv").write_text("first name,surname,mail\nAda,Lovelace,ada@x.example\nLovelace,Ada,\nAda,Lovelace,ada@x.example\n")

    summary, rows = match(tmp_path, "people.csv", entity="contact")

    assert summary["columns"]["people.csv"] == {"email": ["mail"], "given_name": ["first name"], "family_name": ["surname"]}
    assert rows["cluster_id"].to_list()[0] == rows["cluster_id"].to_list()[2]


def test_two_tax_numbers_are_two_customers_whatever_else_agrees(tmp_path):
    (tmp_path / "a.csv").write_text(
        "name,vat,phone\nNordwind AG,DE136695976,040123456\nNordwind AG,DE811569869,040123456\nNordwind AG,DE136695976,\n"
    )

    _, rows = match(tmp_path, "a.csv")

    assert rows["cluster_id"].to_list() == ["1", "2", "1"]


def test_a_result_can_be_matched_again(folder):
    match(folder, "export.csv", "other.csv")

    summary, rows = match(folder, "out.csv", out="again.csv")

    assert (summary["rows"], rows["cluster_id_in_file"].to_list()) == (7, ["1", "2", "1", "3", "1", "3", "4"])


@pytest.mark.parametrize("text", ["name,zip\nNordwind,20095\n", "name,zip\nNordwind,\nSüdwind,\n", 'name\n"Nordwind\nAG"\n'])
def test_one_row_an_empty_column_and_a_name_of_two_lines_are_no_trouble(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)

    summary, rows = match(tmp_path, "a.csv")

    assert summary["clusters"] == rows.height
    assert set(rows["band"]) == {"single"}


@pytest.mark.parametrize(("raw", "options", "said"), [
    (b"name,zip\nNordwind,20095,x\n", {}, "line 2: has 3 cells where the header has 2"),
    (b"", {}, "is empty"),
    (b"name,zip\n", {}, "holds a header but no records"),
    (b"name,name\na,b\n", {}, "name stands twice"),
    (b"\x00\x01\x02", {}, "a.csv"),
    (b"colour,size\nred,4\n", {}, "none of colour, size speaks of a customer; say which does with --map"),
    (b"name,no\na,7\nb,8\nc,7\n", {"id": "no"}, "no 7 stands in rows 1 and 3"),
    (b"name,no\na,7\nb,\n", {"id": "no"}, "row 2: no is empty"),
    (b"name,no\na,7\n", {"id": "nr"}, "has no column 'nr' for --id"),
    (b"name,no\na,7\n", {"map": "legal_name=Firma"}, "has no column 'Firma' to map"),
    (b"name,no\na,7\n", {"map": "colour=no"}, "--map colour: customer has no such column"),
    (b"name,no\na,7\n", {"map": "colour"}, "write canonical=column"),
    (b"name,no\na,7\n", {"entity": "invoice"}, "is none of customer, contact, worker"),
    (b"name,no\na,7\n", {"out": "out.xls"}, "ends with .csv or .parquet"),
])  # fmt: skip
def test_what_can_not_be_read_is_said_in_a_sentence_with_the_place_and_the_next_step(tmp_path, raw, options, said):
    (tmp_path / "a.csv").write_bytes(raw)

    with pytest.raises((ContractBroken, ConfigurationWrong)) as refused:
        match(tmp_path, "a.csv", **options)

    assert said in str(refused.value)


def test_a_file_of_windows_is_read_as_such(tmp_path):
    (tmp_path / "a.csv").write_bytes("Firma;Ort\nMüller;Köln\nMuller;Koeln\n".encode("cp1252"))

    _, rows = match(tmp_path, "a.csv")

    assert rows["Firma"].to_list() == ["Müller", "Muller"]
