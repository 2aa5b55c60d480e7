"""A private PostgreSQL for one test session, started as an unprivileged user on a free loopback port."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# ruff: noqa: S603, the programs are PostgreSQL's own
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # Debian's place for the server's programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The url of an empty database."""
    if not INSTALLED:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("PostgreSQL is not installed; apt-get install postgresql, so that the journal is tested on it too")
    folder = tempfile.mkdtemp(prefix="concord-postgres-")
    try:
        yield from _serve(INSTALLED[0], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(programs: Path, folder: str) -> Iterator[str]:
    # PostgreSQL refuses to run as root.
    person = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if person:
        shutil.chown(folder, "postgres", "postgres")
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, **person}
    subprocess.run(
        [programs / "initdb", "-D", f"{folder}/data", "-U", "concord", "-A", "trust", "-E", "UTF8", "--no-sync"], check=True, **quiet
    )
    port = _free_port()
    settings = [
        f"port={port}",
        "listen_addresses=127.0.0.1",
        f"unix_socket_directories={folder}",
        "max_connections=200",
        "log_min_messages=fatal",
    ]
    command = [programs / "postgres", "-D", f"{folder}/data", *(word for setting in settings for word in ("-c", setting))]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, **quiet)
    try:
        _wait(programs, port)
        yield f"postgresql://concord@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(subprocess.signal.SIGINT)  # the fast shutdown: clients are cut off
        server.wait(30)


def _wait(programs: Path, port: int) -> None:
    deadline = time.monotonic() + 60
    while subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
        if time.monotonic() > deadline:
            pytest.fail("PostgreSQL did not answer within 60 s")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
