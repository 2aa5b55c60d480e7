"""The Singer tap for Kantata, unchanged, against the simulated account."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from kantata_account import PROJECT, log_time

# The tap pins a `requests` of 2018, which Python 3.11 cannot import: with newer libraries, its own code is as published.
INSTALL = f"{sys.executable} -m venv env && env/bin/python -m pip install -q --no-deps -r {Path(__file__).with_name('tap_mavenlink.txt')}"
TAP = """
import tap_mavenlink
from tap_mavenlink.streams.base import BaseStream
BaseStream.get_url = lambda stream: "{url}/api/v1" + stream.path
tap_mavenlink.main()
"""
READ_BY_TAP = {
    "time_entries": 401,
    "workspaces": 1,
    "workspace_groups": 1,
    "users": 1,
    "custom_fields": 8,
    "workspace_custom_field_values": 2,
}


def run_tap(folder, url, *arguments):
    """The messages that the tap prints, in an environment of its own."""
    command = [folder / "env" / "bin" / "python", "-c", TAP.format(url=url), "--config", folder / "config.json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


@pytest.mark.live
def test_the_singer_tap_reads_the_account_to_the_last_page(account, tmp_path):
    log_time(account, 401)
    account.tables["workspaces"].create(PROJECT | {"archived": True})
    account.tables["workspace_groups"].create({"name": "Acme", "company": True})
    account.tables["users"].create({"full_name": "Ada Example", "custom_fields": {"Employee Number": "0007"}})
    (tmp_path / "config.json").write_text(json.dumps(account.simulator.secrets))
    installed = subprocess.run(INSTALL, shell=True, cwd=tmp_path, capture_output=True, text=True)  # noqa: S602
    if installed.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(installed.stderr[-500:])

    catalog = json.loads(run_tap(tmp_path, account.url, "--discover"))
    for stream in catalog["streams"]:
        for part in stream["metadata"] if stream["stream"] in READ_BY_TAP else []:
            part["metadata"]["selected"] = True
        stream["schema"]["selected"] = stream["stream"] in READ_BY_TAP
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    messages = [json.loads(line) for line in run_tap(tmp_path, account.url, "--catalog", tmp_path / "catalog.json").splitlines()]

    assert Counter(message["stream"] for message in messages if message["type"] == "RECORD") == READ_BY_TAP
