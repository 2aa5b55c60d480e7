"""Other people's NetSuite clients, unchanged, against the simulator: they are the judges of what it answers."""

import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from hub.systems.netsuite.simulator import Simulator
from hub.systems.simulator import Clock, serving

HERE = Path(__file__).parent


@pytest.fixture
def account():
    simulator = Simulator(Clock())
    for number in (1, 2):
        simulator.tables["customer"].create({"companyName": f"Customer {number}", "subsidiary": {"id": "2"}})
    return simulator


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory):
    """A folder with the npm client in it."""
    folder = tmp_path_factory.mktemp("npm")
    shutil.copy(HERE / "netsuite.package.json", folder / "package.json")
    shutil.copy(HERE / "netsuite_rest.js", folder)
    installed(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment with the PyPI client in it, which wants an older httpx than we do."""
    folder = tmp_path_factory.mktemp("pypi")
    installed([sys.executable, "-m", "venv", "."], folder)
    installed(["bin/python", "-m", "pip", "install", "--quiet", "netsuite==0.12.0"], folder)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody but this test trusts, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem", folder / "key.pem"


def installed(command, folder):
    """Run an installer. Where there is none, or no registry, the test is skipped, except in CI, where that is a failure."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        problem = done.stderr[-500:] if done.returncode else ""
    except FileNotFoundError as missing:
        problem = str(missing)
    if problem:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{' '.join(command)}: {problem}")


def said(*command, **options):
    """What a client script prints, as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@contextmanager
def serving_https(app, certificate, key):
    """Serve over https for the length of a `with` block; gives host and port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ssl_certfile=certificate, ssl_keyfile=key))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def test_the_npm_client_netsuite_rest_writes_reads_and_queries(account, node_modules):
    with serving({"netsuite": account.app}) as urls:
        answer = said("node", "netsuite_rest.js", urls["netsuite"], json.dumps(account.tba), cwd=node_modules)

    assert {name: value for name, value in answer["record"].items() if name != "links"} == {
        "id": "1003",
        "companyName": "Node & Söhne",
        "subsidiary": {"id": "2"},
        "isInactive": False,
        "externalId": "N-1",
        "phone": "+49 30 5",
        "terms": {"id": "2"},
        "lastModifiedDate": "2026-11-02T08:00:04Z",
    }
    assert answer["items"] == [{"links": [], "phone": "+49 30 5", "isinactive": "F", "lastmodifieddate": "11/2/2026"}]
    assert {name: value for name, value in answer["page"].items() if name != "links"} == {
        "count": 1,
        "hasMore": False,
        "offset": 2,
        "totalResults": 3,
        "items": [{"links": [], "id": "1003", "companyname": "Node & Söhne"}],
    }
    assert (answer["twin"], answer["wrong"], answer["forged"]) == (400, 400, 401)


def test_the_pypi_client_netsuite_upserts_lists_queries_and_deletes(account, python, certificate):
    with serving_https(account.app, *certificate) as host:
        environment = os.environ | {"SSL_CERT_FILE": str(certificate[0])}
        answer = said(python, HERE / "netsuite_pypi.py", host, json.dumps(account.tba), env=environment)

    assert (answer["made"]["id"], answer["made"]["companyName"], answer["made"]["externalId"]) == ("1003", "Python & Söhne", "P-1")
    assert [line["addressBookAddress"] for line in answer["expanded"]["addressBook"]["items"]] == [{"city": "Köln"}]
    assert (answer["listed"]["items"], answer["listed"]["hasMore"]) == ([{"links": [], "id": "1002"}], True)
    assert [[item["id"] for item in page["items"]] for page in answer["pages"]] == [["1001", "1002"], ["1003"]]
    assert [page["hasMore"] for page in answer["pages"]] == [True, False]
    assert answer["deleted"] == [{"links": [], "recordid": "1003", "year": "2026"}]
    assert answer["unknown_field"] == {
        "status": 400,
        "detail": "Unknown property 'companyNam' in the request body.",
        "o:errorPath": "companyNam",
        "o:errorCode": "INVALID_CONTENT",
    }
    assert (answer["gone"]["status"], answer["gone"]["o:errorCode"]) == (404, "NONEXISTENT_ID")
    assert (answer["forged"]["status"], answer["forged"]["o:errorCode"]) == (401, "INVALID_LOGIN")
