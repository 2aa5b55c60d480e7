"""A firm's own project folder: which systems it has, where they are, and where its state lives."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub import controls, firm_settings, mapping, ownership, secret
from hub.errors import ConfigurationWrong
from hub.firm_settings import FILE, MemberSettings, Retention
from hub.new_firm import write_new as write_new
from hub.systems.connector import Connection, Connector

POLICIES = Path(__file__).parent.parent / "reconcile" / "policies.yaml"


@dataclass(frozen=True)
class Member:
    """One system of the firm. Secrets are looked up only when it is connected to."""

    system: mapping.System
    url: str
    references: dict[str, str] = field(repr=False)
    options: dict[str, Any]
    folder: Path
    budget: Path | None = None

    def connection(self) -> Connection:
        """Where the system is and how to get in. Raises ConfigurationWrong for a secret that is not there."""
        where = f"{FILE} systems.{self.system.system}.secrets"
        if missing := [name for name in self.system.auth.get("secrets", []) if name not in self.references]:
            raise ConfigurationWrong(f"{where}: no {', '.join(missing)}; add each and {secret.HOW}")
        secrets = {name: secret.find(f"{where}.{name}", reference, self.folder) for name, reference in self.references.items()}
        return Connection(self.url, secrets, self.options, self.budget)

    def connect(self) -> Connector:
        """A connector to the system. Raises ConfigurationWrong when there is none of its kind."""
        name = f"hub.systems.{self.system.connector}.connector"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name not in (name, name.removesuffix(".connector")):
                raise
            raise ConfigurationWrong(
                f"{self.system.system}: no connector {self.system.connector!r}; name a folder under hub/systems"
            ) from missing
        return module.connect(self.system, self.connection())


@dataclass(frozen=True)
class Firm:
    """A firm and its paths."""

    folder: Path
    name: str
    currency: str
    state: Path
    systems: dict[str, Member]
    policies: Path
    ownership: Path
    retention: Retention = Retention()
    controls: Path = controls.FILE
    journal_said: str = field(default="", repr=False)

    @property
    def journal(self) -> str | Path:
        """Where the journal is: a PostgreSQL url, else a SQLite file. Looked up only when asked for, since a url may bear a password."""
        if not self.journal_said:
            return self.state / "journal.sqlite"
        found = self.journal_said if "://" in self.journal_said else secret.find(f"{FILE} journal", self.journal_said, self.folder)
        return found if "://" in found else self.folder / found

    @property
    def hub_file(self) -> Path:
        return self.state / "hub.duckdb"

    @property
    def snapshots(self) -> Path:
        return self.state / "snapshots"

    @property
    def cuts(self) -> Path:
        return self.state / "cuts"

    @property
    def out(self) -> Path:
        return self.folder / "out"


def read(folder: Path) -> Firm:
    """The firm in a project folder. Raises ConfigurationWrong with file, key and next step."""
    settings = firm_settings.read(folder)
    return Firm(
        folder=folder,
        name=settings.firm,
        currency=settings.currency,
        state=folder / settings.state,
        systems={name: _member(folder, folder / settings.state, name, member) for name, member in settings.systems.items()},
        policies=folder / settings.policies if settings.policies else POLICIES,
        ownership=folder / settings.ownership if settings.ownership else ownership.FILE,
        retention=settings.retention,
        controls=folder / settings.controls if settings.controls else controls.FILE,
        journal_said=settings.journal,
    )


def home(folder: Path, kind: str) -> Path:
    """The folder that describes a kind of system: one of ours, or of the project folder when it begins with ./"""
    return folder / kind if kind.startswith("./") else mapping.FOLDER / kind


def _member(folder: Path, state: Path, name: str, member: MemberSettings) -> Member:
    path = home(folder, member.kind)
    if not (path / "system.yaml").exists():
        raise ConfigurationWrong(
            f"{FILE} systems.{name}.kind: no {member.kind}/system.yaml; name a folder under hub/systems, or one here with ./"
        )
    known = mapping.read(path / "system.yaml")
    if unknown := set(member.secrets) - set(known.auth.get("secrets", [])):
        raise ConfigurationWrong(
            f"{FILE} systems.{name}.secrets: {known.system} asks for no {min(unknown)}; see auth in {member.kind}/system.yaml"
        )
    system = known.model_copy(
        update={
            "system": name,
            "connector": known.connector or known.system,
            "role": member.role or known.role,
            "limits": known.limits | member.limits,
            "user": member.user,
        }
    )
    url = member.url if "://" in member.url else str(folder / member.url)
    return Member(system, url, member.secrets, member.options, folder, state / "budgets.sqlite")
