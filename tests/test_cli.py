"""The command line as a newcomer meets it: the demo, and your own CSV files in five minutes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

HUB = Path(sys.executable).parent / "hub"
FIELDS = (
    "systems",
    "snapshots",
    "records",
    "changes",
    "quarantined",
    "clusters",
    "golden",
    "discrepancies",
    "planned",
    "approved",
    "pushed",
    "confirmed",
    "held",
    "remaining",
    "cycles",
    "truth",
)


def hub(*words, codes=(0, 3), cwd=None):
    """What a command printed. Fails when it ends with another exit code."""
    done = subprocess.run(
        [HUB, *map(str, words)], capture_output=True, text=True, cwd=cwd, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def ourfirm(tmp_path_factory):
    """The README's commands, word for word but for the files."""
    folder = tmp_path_factory.mktemp("newcomer") / "ourfirm"
    hub("init", folder, "--name", "Quill & Partner")
    for name in ("crm", "erp"):
        (folder / "drop" / name).mkdir()
    (folder / "drop/crm/accounts.csv").write_text(
        "Account ID,Account Name,Website,VAT Number,Phone\n"
        "A1,Brindle Works GmbH,brindle.example,DE811234567,+49 30 1234567\n"
        "A2,Tarnfield Ltd,tarnfield.example,GB123456789,+44 20 7946 0000\n"
        "A3,Tarnfield Limited,www.tarnfield.example,,+44 20 7946 0000\n"
    )
    pl.DataFrame(
        {
            "Customer No": ["007", "008"],
            "Name": ["BRINDLE WORKS", "Ostwald & Co. KG"],
            "VAT Number": ["DE811234567", "DE136695976"],
            "Website": ["brindle.example", "ostwald.example"],
        }
    ).write_excel(folder / "drop/erp/customers.xlsx")
    hub("add-system", "crm", "--role", "crm", "--url", "drop/crm", "--project", folder)
    hub("add-system", "erp", "--role", "erp", "--url", "drop/erp", "--project", folder)
    hub("doctor", "--project", folder, codes=(0,))
    hub("run", "--project", folder)
    return folder


def test_your_own_csv_files_are_matched_and_compared(ourfirm):
    status = json.loads(hub("status", "--project", ourfirm, "--json"))

    assert status["records"] == {"crm": 3, "erp": 2}
    assert status["hub_ids"] == {"customer": 3}
    assert status["discrepancies"]["duplicate"] == 1


def test_every_command_that_looks_prints_json_and_says_by_its_exit_code_what_it_found(ourfirm):
    plan = json.loads(hub("plan", "--project", ourfirm, "--json"))
    trace = json.loads(hub("trace", "crm", "accounts", "A1", "--project", ourfirm, "--json", codes=(0,)))
    files = json.loads(hub("report", "--project", ourfirm, "--json", codes=(0,)))

    assert {"hash", "lines"} == set(plan)
    assert trace
    assert all(Path(path).stat().st_size for path in files.values())
    assert json.loads(hub("exceptions", "--project", ourfirm, "--json")) is not None
    assert Path(json.loads(hub("publish", "--project", ourfirm, "--json", codes=(0,)))["cut"]).exists()


def test_a_rebuilt_hub_is_equal_table_by_table(ourfirm):
    tables = json.loads(hub("rebuild", "--verify", "--project", ourfirm, "--json", codes=(0,)))

    assert {table["content"] for table in tables} == {"equal"}


def test_a_wrong_word_is_answered_with_what_to_do_and_not_with_a_stack_trace(tmp_path):
    done = subprocess.run([HUB, "run", "--project", tmp_path], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "hub init" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_comes_to_rest_and_two_runs_of_one_seed_are_equal(tmp_path):
    command = [HUB, "demo", "--json", "--scale", "0.15", "--seed", "5", "--folder"]
    both = [subprocess.Popen([*command, name], cwd=tmp_path, stdout=subprocess.PIPE, text=True) for name in ("one", "two")]
    first, second = (json.loads(each.communicate()[0]) for each in both)

    assert [each.returncode for each in both] == [0, 0]
    assert {name: first[name] for name in first if name != "seconds"} == {name: second[name] for name in second if name != "seconds"}
    assert set(FIELDS) <= set(first)
    assert first["pushed"] == first["confirmed"] > 0
    assert first["truth"]["customer"]["precision"] == 1.0
