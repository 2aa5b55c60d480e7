"""A real Tryton 8.2 on loopback: installed once into an environment of its own, seeded once, its database file copied for each use.

with tryton_server.running(tmp_path) as tryton:
    tryton.url, tryton.secrets
"""

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import proteus
from processes import CACHE, answering, free_port, once, run

SERIES = ">=8.2,<8.3"
PACKAGES = [
    "trytond",
    "proteus",
    *(
        f"trytond-{module}"
        for module in (
            "party",
            "company",
            "account",
            "account-product",
            "account-invoice",
            "project",
            "timesheet",
            "project-invoice",
            "project-revenue",
            "timesheet-cost",
        )
    ),
]
MODULES = ["account_invoice", "project_invoice"]
SECRETS = {"user": "admin", "password": "demo-password"}
SEEDED_BY = ["seed.py", "tryton_seed.py", "tryton_server.py"]


@dataclass(frozen=True)
class Tryton:
    """A running server. `url` holds the database's name, as Tryton's JSON-RPC wants it."""

    url: str
    database: Path

    @property
    def secrets(self) -> dict[str, str]:
        return SECRETS

    def start_over(self) -> None:
        """Put the seeded records back under the running server: as one transaction."""
        with closing(sqlite3.connect(seeded())) as fresh, closing(sqlite3.connect(self.database, timeout=30)) as used:
            fresh.backup(used)

    def rows(self, name: str, domain: list, fields: list[str]) -> list[dict]:
        """Some fields of the records of a model, by the same client in one call: its models fetch them one by one."""
        self.model("ir.model")
        return proteus.config.get_config().get_proxy(name).search_read(domain, 0, None, None, fields, {})

    def model(self, name: str) -> type[proteus.Model]:
        """A model of Tryton's own client, over XML-RPC: what a person would see and do."""
        proteus.config.set_xmlrpc(self._signed_in_as(SECRETS["user"]))
        return proteus.Model.get(name)

    def as_another(self, person: str) -> Callable[[str], type[proteus.Model]]:
        """A second user of this name, with the rights of the first: gives models as `model` does."""
        login = person.lower().replace(" ", ".")
        user = self.model("res.user")(name=person, login=login, password=SECRETS["password"])
        user.groups.extend(self.model("res.group").find([]))
        user.save()
        theirs = proteus.config.XmlrpcConfig(self._signed_in_as(login))
        return lambda name: proteus.Model.get(name, config=theirs)

    def _signed_in_as(self, login: str) -> str:
        return self.url.replace("//", f"//{login}:{SECRETS['password']}@") + "rpc/"


@contextmanager
def running(folder: Path) -> Iterator[Tryton]:
    """A server over its own copy of the seeded database, while the `with` block lasts."""
    database = _prepare(folder)
    database.write_bytes(seeded().read_bytes())
    port = free_port()
    command = [installed() / "trytond", "-c", _configuration(folder, port), "-d", "hub"]
    # Without -d the first call fails; the server opens the database before it listens.
    with answering(command, f"http://127.0.0.1:{port}/", log=folder / "tryton.log"):
        yield Tryton(f"http://127.0.0.1:{port}/hub/", database)


def installed() -> Path:
    """The folder of Tryton's programs; installs them when they are missing (about half a minute)."""
    environment = CACHE / "tryton-8.2"
    with once(environment) as missing:
        if missing:
            run([sys.executable, "-m", "venv", environment])
            run(
                [
                    environment / "bin/python",
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "--disable-pip-version-check",
                    *(name + SERIES for name in PACKAGES),
                ]
            )
    return environment / "bin"


def seeded() -> Path:
    """The database file with the firm of seed.py in it; built when it, or what builds it, is new (about half a minute)."""
    here = Path(__file__).parent
    version = hashlib.sha256(b"".join((here / name).read_bytes() for name in SEEDED_BY)).hexdigest()[:12]
    folder = CACHE / f"tryton-seeded-{version}"
    programs = installed()
    with once(folder) as missing:
        if missing:
            database = _prepare(folder)
            configuration = _configuration(folder, port=0)
            database.touch()
            secret = folder / "password"
            secret.write_text(SECRETS["password"])
            admin, environment = (
                [programs / "trytond-admin", "-c", configuration, "-d", "hub"],
                os.environ | {"TRYTONPASSFILE": str(secret)},
            )
            run([*admin, "--all", "--email", "admin@firm.example", "-p"], env=environment)
            run([*admin, "-u", *MODULES, "--activate-dependencies"], env=environment)
            run([programs / "python", here / "tryton_seed.py", configuration])
    return folder / "db/hub.sqlite"


def _prepare(folder: Path) -> Path:
    (folder / "db").mkdir(parents=True, exist_ok=True)
    return folder / "db/hub.sqlite"


def _configuration(folder: Path, port: int) -> Path:
    path = folder / "trytond.conf"
    path.write_text(f"[database]\nuri = sqlite://\npath = {folder}/db\n[web]\nlisten = 127.0.0.1:{port}\n")
    return path
