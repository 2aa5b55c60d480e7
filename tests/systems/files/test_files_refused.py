"""Whatever is not whole is refused with its reason."""

import threading
import time

import pytest
from drops import open_folder, people, put, rows

from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable


def refusal(folder, each=None):
    each = each or people()
    with pytest.raises(ContractBroken) as failure:
        rows(folder, each)
    return str(failure.value)


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


def test_a_folder_that_is_not_there_is_an_outage_and_an_unknown_option_stops_at_start_up(folder):
    with pytest.raises(SystemUnavailable, match="there is no folder"):
        rows(folder, people())
    with pytest.raises(ConfigurationWrong, match="header_rows"):
        open_folder(folder, people(header_rows=2))
