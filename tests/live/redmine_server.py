"""A real Redmine 5.0 of Debian 12 on loopback: installed with apt-get, seeded once, its database file copied for each use.

with redmine_server.running(tmp_path) as redmine:
    redmine.url, redmine.secrets
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redmine_seed
import redminelib
from processes import CACHE, alone, answering, free_port, once, run

PACKAGES = ["redmine", "redmine-sqlite", "ruby-sqlite3", "puma"]
HOME = Path("/usr/share/redmine")
SEEDED_BY = ["seed.py", "redmine_seed.py", "redmine_server.py", "redmine_setup.rb"]


@dataclass(frozen=True)
class Redmine:
    """A running server and its administrator's key."""

    url: str
    secrets: Mapping[str, str]
    database: Path

    @property
    def client(self) -> redminelib.Redmine:
        """An independent client: what a person would see and do."""
        return redminelib.Redmine(self.url, key=self.secrets["api_key"])

    def start_over(self) -> None:
        """Put the seeded records back under the running server, which takes longer to start than most tests: as one transaction."""
        with closing(sqlite3.connect(seeded() / "redmine.sqlite")) as fresh, closing(sqlite3.connect(self.database, timeout=30)) as used:
            fresh.backup(used)


@contextmanager
def running(folder: Path) -> Iterator[Redmine]:
    """A server over its own copy of the seeded database, while the `with` block lasts."""
    built = seeded()
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "redmine.sqlite"
    database.write_bytes((built / "redmine.sqlite").read_bytes())
    with _serving(folder, database) as url:
        yield Redmine(url, {"api_key": (built / "api_key").read_text()}, database)


def install() -> None:
    """Installs Debian's package when it is missing (about half a minute). Raises RuntimeError when that takes more rights."""
    with alone("redmine-installed"):
        if (HOME / "config.ru").exists():
            return
        if os.geteuid() != 0:
            raise RuntimeError(f"Redmine is missing; as root: apt-get install --no-install-recommends {' '.join(PACKAGES)}")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-q"], env=quiet)
        run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *PACKAGES], env=quiet)


def seeded() -> Path:
    """The folder with the database of seed.py's firm and the API key; built when it, or what builds it, is new (about a minute)."""
    here = Path(__file__).parent
    version = hashlib.sha256(b"".join((here / name).read_bytes() for name in SEEDED_BY)).hexdigest()[:12]
    folder = CACHE / f"redmine-seeded-{version}"
    install()
    with once(folder) as missing:
        if missing:
            folder.mkdir()
            database = folder / "redmine.sqlite"
            settings = _settings(database)
            run([HOME / "bin/rake", "db:migrate"], cwd=HOME, env=settings)
            key = run([HOME / "bin/rails", "runner", here / "redmine_setup.rb"], cwd=HOME, env=settings).split("api key ")[1].strip()
            (folder / "api_key").write_text(key)
            with _serving(folder, database) as url:
                redmine_seed.fill(url, key)
    return folder


@contextmanager
def _serving(folder: Path, database: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}/"
    command = ["puma", "-t", "1:4", "-b", url.replace("http:", "tcp:").rstrip("/"), "config.ru"]
    with answering(command, url, log=folder / "redmine.log", cwd=HOME, env=_settings(database)):
        yield url


def _settings(database: Path) -> dict[str, str]:
    # DATABASE_URL outweighs the package's database.yml; SCHEMA keeps rake from writing into the package's folder.
    return os.environ | {
        "X_DEBIAN_SITEID": "default",
        "RAILS_ENV": "production",
        "REDMINE_LANG": "en",
        "DATABASE_URL": f"sqlite3:{database}",
        "SCHEMA": str(database.with_name("schema.rb")),
    }
