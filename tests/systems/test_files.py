"""A drop folder: what exports really contain is read as it stands, and whatever is not whole is refused with its reason."""

import csv
import os
import threading
import time
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
import xlsxwriter
import yaml
from hypothesis import given, strategies as st

from hub import entity, mapping
from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable
from hub.systems.connector import Connection, Write
from hub.systems.files import connector
from hub.systems.files.guess import guess, system
from hub.systems.files.simulator import Simulator
from hub.systems.simulator import Clock

SHIPPED = mapping.read(mapping.FOLDER / "files" / "system.yaml")
CELL = st.text(st.sampled_from("aß0 ,;\"\n'=\t\\|"), max_size=6)
YESTERDAY = time.time() - 86_400


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "drop"


def put(folder, name, content, at=YESTERDAY):
    """Deliver a file that has lain there for a day."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (at, at))
    return path


def people(**read):
    """An object of two fields, read as asked."""
    return mapping.Object.model_validate(
        {"name": "people", "is": "worker", "key": "No", "read": {"pattern": "people*.csv"} | read, "fields": {"full_name": "Name"}}
    )


def open_folder(folder, each):
    return connector.connect(
        mapping.System(system="legacy", role="legacy", nested=False, objects={each.name: each}), Connection(str(folder))
    )


def rows(folder, each):
    return [row for page in open_folder(folder, each).read(each, None) for row in page.rows]


def refusal(folder, each=None):
    each = each or people()
    with pytest.raises(ContractBroken) as failure:
        rows(folder, each)
    return str(failure.value)


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


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("people.csv", "", "people.csv: is empty"),
        ("people.csv", "No,Name\n", "holds a header but no records"),
        ("people.csv", "No,Name\n1,A\n2\n3,C\n", "people.csv line 3: has 1 cells where the header has 2; correct the line"),
        ("people.csv", 'No,Name\n1,"A\nB"\n2,A,B\n', "line 4: has 3 cells where the header has 2"),
        ("people.csv", 'No,Name\n1,A\n2,"B', "line 3: a quote opens and never closes; the file may be cut off"),
        ("people.csv", "No,Name,Name\n1,A,B\n", "line 1: Name stands twice"),
        ("people.csv", "No,,Name\n1,A,B\n", "line 1: column 2 has no name"),
        ("people.csv", "1,A\n2,B\n", "the header has no Name, No; correct system.yaml or read.header_row"),
        ("people.csv", "No,Name\n1,A\n1,B\n", "2 rows share a key, the first is 1"),
        ("people.csv", "No,Name\n1,A\n2,Müller\n".encode("cp1252"), "line 3: is not UTF-8; set read.encoding"),
        ("people.csv", 'No,Name\n1,"A"B\n', "people.csv: is not valid CSV (ComputeError)"),
        ("people-1.csv.part", "No,Name\n1,A\n", "people-1.csv.part: is not delivered whole"),
        ("others.csv", "No,Name\n1,A\n", "no file is named people*.csv"),
    ],
)
def test_what_is_not_whole_is_refused_with_file_line_and_reason(folder, name, content, reason):
    put(folder, name, content)

    message = refusal(folder)

    assert message.startswith("legacy people") and reason in message
    assert ";" in message  # and what to do next


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("people.parquet", b"PAR1 and then the line was cut", "is not valid PARQUET"),
        ("people.xlsx", b"PK\x03\x04 and then the line was cut", "is no workbook with that sheet"),
        ("people.ndjson", b'{"No": "1", "Name": "A"}\n{"No": "2", "Na', "line 2: is no JSON object"),
    ],
)
def test_a_cut_off_file_of_any_kind_is_refused(folder, name, content, reason):
    put(folder, name, content)

    assert reason in refusal(folder, people(pattern=name))


def test_a_refusal_never_quotes_what_a_cell_says(folder):
    put(folder, "people.csv", 'Erika,Example\n1,"Erika"Example\n')
    put(folder, "people.ndjson", '{"No": "1", "Name": Erika}\n')

    for each in (people(), people(header_row=2), people(pattern="*.ndjson")):
        assert "Erika" not in refusal(folder, each)


def test_a_broken_json_line_is_named(folder):
    put(folder, "people.ndjson", '{"No": "1", "Name": "A"}\n{"No": "2", "Name": }\n{"No": "3", "Name": "C"}\n')

    assert "people.ndjson line 2" in refusal(folder, people(pattern="people.ndjson"))


def test_a_file_that_still_grows_is_refused(folder):
    path = put(folder, "people.csv", "No,Name\n1,A\n", at=time.time())
    writer = threading.Timer(0.3, lambda: path.write_text("No,Name\n1,A\n2,B\n"))
    writer.start()

    message = refusal(folder)

    writer.join()
    assert "people.csv: is still being written" in message


def test_a_file_waits_for_its_companion_when_one_is_promised(folder):
    put(folder, "people.csv", "No,Name\n1,A\n")

    assert "no people.csv.done lies beside it" in refusal(folder, people(done=True))

    put(folder, "people.csv.done", "")
    assert rows(folder, people(done=True)) == [{"No": "1", "Name": "A"}]


def test_a_delivery_that_stopped_is_noticed(folder):
    put(folder, "people.csv", "No,Name\n1,A\n", at=time.time() - 30 * 3600)

    assert "is older than 26 hours" in refusal(folder, people(max_age_hours=26))


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


def test_a_folder_that_is_not_there_is_an_outage_and_an_unknown_option_stops_at_start_up(folder):
    with pytest.raises(SystemUnavailable, match="there is no folder"):
        rows(folder, people())
    with pytest.raises(ConfigurationWrong, match="header_rows"):
        open_folder(folder, people(header_rows=2))


def test_a_record_that_a_file_leaves_out_is_unknown_and_never_deleted(folder):
    simulator = Simulator(Clock())
    kept, left = (simulator.tables["customers"].create({"Name": name}) for name in ("Kept GmbH", "Left GmbH"))
    simulator.publish(folder)
    files = connector.connect(SHIPPED, Connection(str(folder)))
    simulator.tables["customers"].delete(left)
    simulator.publish(folder)

    seen = files.look(SHIPPED.objects["customers"], [kept, left])

    assert {key: found.state for key, found in seen.items()} == {kept: "there", left: "unknown"}
    (folder / "customers-2026-11-02.csv").unlink()
    assert files.look(SHIPPED.objects["customers"], [kept])[kept].state == "unknown"


def test_the_shipped_example_reads_what_its_simulator_publishes(folder):
    simulator = Simulator(Clock())
    stored = {"Name": "Müller; Söhne GmbH", "Zip": "01067", "Terms": "30", "Credit Limit": "12500.00", "Created On": "31.12.2019"}
    customer = simulator.tables["customers"].create(stored)
    simulator.tables["contacts"].create({"Name": "Erika Example", "Customer No": customer, "Phone": "=49", "Invoice Recipient": True})
    simulator.publish(folder)
    files = connector.connect(SHIPPED, Connection(str(folder), simulator.secrets))

    found = {name: [row for page in files.read(each, None) for row in page.rows] for name, each in SHIPPED.objects.items()}

    assert {key: value for key, value in found["customers"][0].items() if value} == {"Customer No": "001001"} | stored
    assert {key: value for key, value in found["contacts"][0].items() if value} == {
        "Contact No": "001001",
        "Customer No": "001001",
        "Name": "Erika Example",
        "Phone": "=49",
        "Invoice Recipient": "true",
    }


def test_a_file_is_never_written(folder):
    each = SHIPPED.objects["customers"]
    files = connector.connect(SHIPPED, Connection(str(folder)))

    (outcome,) = files.write(each, [Write("1", "update", "001001", "C-1", {"Name": "Other"})])

    assert (outcome.state, outcome.record_id) == ("rejected", "001001")
    assert "have it corrected where the files come from" in outcome.message
    assert files.find(each, ["C-1"]) == {}
    assert not folder.exists()


def test_a_german_customer_export_is_recognised(folder):
    path = put(
        folder,
        "Kunden_2026-11-20.csv",
        "Kunden-Nr.;Firma;Straße;PLZ;Ort;Land;USt-IdNr.;Zahlungsziel;E-Mail;Betreuer\n"
        "00101;Müller GmbH;Hauptstr. 1;01067;Dresden;DE;DE811234567;30 days;a@mueller.example;Jo\n"
        "00102;Schmidt AG;Ring 2;50667;Köln;DE;;60 days;;Jo\n".encode("cp1252"),
    )

    assert guess(path) == {
        "is": "customer",
        "key": "Kunden-Nr.",
        "read": {"pattern": "Kunden*.csv", "encoding": "cp1252", "delimiter": ";"},
        "fields": {
            "legal_name": "Firma",
            "tax_id": "USt-IdNr.",
            "email": "E-Mail",
            "billing_address": {"street": "Straße", "city": "Ort", "postcode": "PLZ", "country": "Land"},
            "payment_terms": {"from": "Zahlungsziel", "codes": {"30 days": "net_30", "60 days": "net_60"}},
        },
    }


def test_an_english_time_sheet_without_a_key_gets_two_columns_as_one(folder):
    path = put(
        folder,
        "timesheets.csv",
        "Employee ID,Date,Hours,Billable,Description\n7,21/11/2026,7.5,yes,Design\n7,20/11/2026,8,no,\n8,21/11/2026,8,yes,Design\n",
    )

    assert guess(path) == {
        "is": "time_entry",
        "key": "Employee ID|Date",
        "read": {"pattern": "timesheets*.csv", "delimiter": ",", "key": ["Employee ID", "Date"]},
        "fields": {
            "worked_on": {"from": "Date", "format": "%d/%m/%Y"},
            "hours": "Hours",
            "note": "Description",
            "is_billable": {"from": "Billable", "codes": {"no": "false", "yes": "true"}},
        },
    }


def test_a_code_that_nobody_knows_and_a_number_with_a_comma_are_left_to_a_person(folder):
    path = put(folder, "projects.csv", "Project No;Project Name;Status;Budget;Currency;Start\nP1;Rollout;17;1.200,50;EUR;01.02.2026\n")

    assert guess(path)["fields"] == {"code": "Project No", "name": "Project Name", "starts_on": {"from": "Start", "format": "%d.%m.%Y"}}


def test_a_yes_or_no_in_another_language_has_a_way_back():
    each = mapping.Object.model_validate(
        {
            "name": "times",
            "is": "time_entry",
            "key": "No",
            "fields": {"is_billable": {"from": "Abrechenbar", "codes": {"ja": "true", "nein": "false"}}},
        }
    )

    said = [mapping.outward(each, {"is_billable": value}) for value in (True, False, None)]

    assert said == [{"Abrechenbar": "ja"}, {"Abrechenbar": "nein"}, {"Abrechenbar": None}]


def test_a_date_that_could_be_read_two_ways_is_left_to_a_person(folder):
    path = put(folder, "projects.csv", "Project No,Project Name,Start,End\nP1,Rollout,01/02/2026,12/31/2026\n")
    short = put(folder, "orders.csv", "Project No,Project Name,Start\nP1,Rollout,01.02.26\n")

    assert guess(path)["fields"] == {"code": "Project No", "name": "Project Name", "ends_on": {"from": "End", "format": "%m/%d/%Y"}}
    assert guess(short)["fields"]["starts_on"] == {"from": "Start", "format": "%d.%m.%y"}


def test_every_entity_is_known_by_our_own_words(folder):
    path = put(folder, "credit_memos.csv", "Number,Invoice,Reason,Amount,Amount Currency,Issued On\nCM-1,R-1,?,10.00,EUR,2026-11-02\n")

    assert guess(path, {"invoice": "invoices"})["is"] == "credit_memo"


def test_synonyms_are_for_fields_that_exist():
    for name, known in yaml.safe_load((mapping.FOLDER / "files" / "synonyms.yaml").read_text()).items():
        fields = entity.all_entities()[name].fields
        for path in known["fields"]:
            field, _, part = path.partition(".")
            assert part in entity.TYPES[fields[field].type], f"{name} {path}"


def test_what_fits_no_entity_or_has_no_key_is_refused(folder):
    with pytest.raises(ConfigurationWrong, match="fit no entity"):
        guess(put(folder, "weather.csv", "Station,Rain\n1,2\n"))
    with pytest.raises(ConfigurationWrong, match="tell its records apart"):
        guess(put(folder, "customers.csv", "Name,City\nA,Bonn\nA,Bonn\n"))


def test_a_whole_folder_becomes_a_system_that_loads_and_reads(folder, tmp_path):
    simulator = Simulator(Clock())
    customer = simulator.tables["customers"].create({"Name": "Example GmbH", "City": "Bonn", "Status": "customer", "Terms": "net_30"})
    simulator.tables["contacts"].create({"Name": "Erika Example", "Customer No": customer})
    simulator.publish(folder)
    (tmp_path / "old").mkdir()
    described = tmp_path / "old" / "system.yaml"

    described.write_text(yaml.safe_dump(system(folder, "old", "legacy"), sort_keys=False))

    loaded = mapping.read(described)
    assert {name: (each.of, each.key) for name, each in loaded.objects.items()} == {
        "contacts": ("contact", "Contact No"),
        "customers": ("customer", "Customer No"),
    }
    assert loaded.objects["contacts"].fields["customer"][""] == mapping.Column(source="Customer No", object="customers")
    files = connector.connect(loaded, Connection(str(folder)))
    assert [len(page.rows) for each in loaded.objects.values() for page in files.read(each, None)] == [1, 1]
