"""A firm's own project folder: which systems it has, where they are, and where its state lives."""

import importlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyring
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hub import mapping, ownership
from hub.errors import ConfigurationWrong
from hub.systems.connector import Connection, Connector


class _Member(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str  # a folder under hub/systems, or a path in the project folder that begins with ./
    url: str = ""
    role: str | None = None  # another role than system.yaml says
    secrets: dict[str, str] = {}
    options: dict[str, Any] = {}


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    firm: str
    currency: str = "EUR"
    state: str = "state"
    journal: str = ""  # PostgreSQL url for a team, by reference; a SQLite file in the state folder by default
    policies: str = ""
    ownership: str = ""
    systems: dict[str, _Member] = {}


@dataclass(frozen=True)
class Member:
    """One system of the firm. Secrets are looked up only when it is connected to."""

    system: mapping.System
    url: str
    references: dict[str, str] = field(repr=False)
    options: dict[str, Any]
    folder: Path

    def connection(self) -> Connection:
        """Where the system is and how to get in. Raises ConfigurationWrong for a secret that is not there."""
        secrets = {name: secret(f"{self.system.system} secret {name}", reference, self.folder) for name, reference in self.references.items()}
        return Connection(self.url, secrets, self.options)

    def connect(self) -> Connector:
        module = importlib.import_module(f"hub.systems.{self.system.connector or self.system.system}.connector")
        return module.connect(self.system, self.connection())


@dataclass(frozen=True)
class Firm:
    """A firm and its paths."""

    folder: Path
    name: str
    currency: str
    state: Path
    systems: dict[str, Member]
    journal: str | Path
    policies: Path
    ownership: Path

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
    path = folder / "concord.yaml"
    if not path.exists():
        raise ConfigurationWrong(f"no concord.yaml in {folder}; make a project folder with `hub init {folder}`")
    try:
        settings = _Settings.model_validate(yaml.safe_load(path.read_text()))
    except (ValidationError, yaml.YAMLError) as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/firm.md for the form") from wrong
    here = lambda text, default: folder / text if text else default
    default_policies = Path(__file__).parent.parent / "reconcile" / "policies.yaml"
    return Firm(
        folder, settings.firm, settings.currency, folder / settings.state,
        {name: _member(folder, name, member) for name, member in settings.systems.items()},
        secret("journal", settings.journal, folder) if settings.journal else folder / settings.state / "journal.sqlite",
        here(settings.policies, default_policies), here(settings.ownership, ownership.FILE),
    )


def secret(what: str, reference: str, folder: Path) -> str:
    """The value behind `env:NAME`, `keyring:service/name` or `file:path`. Raises ConfigurationWrong when there is none."""
    kind, _, name = reference.partition(":")
    if kind == "env" and name in os.environ:
        return os.environ[name]
    if kind == "keyring" and (found := keyring.get_password(*name.rsplit("/", 1))):
        return found
    if kind == "file" and (folder / name).exists():
        return (folder / name).read_text().strip()
    if kind in ("env", "keyring", "file"):
        raise ConfigurationWrong(f"{what}: nothing at {reference}; set it, then run again")
    raise ConfigurationWrong(f"{what} is written out in concord.yaml; put it elsewhere and refer to it with env:NAME, keyring:service/name or file:path")


def _member(folder: Path, name: str, member: _Member) -> Member:
    path = folder / member.kind if member.kind.startswith("./") else mapping.FOLDER / member.kind
    if not (path / "system.yaml").exists():
        raise ConfigurationWrong(f"concord.yaml systems {name}: no {member.kind}/system.yaml; name a folder under hub/systems, or one here with ./")
    known = mapping.read(path / "system.yaml")
    system = known.model_copy(update={"system": name, "connector": known.connector or known.system, "role": member.role or known.role})
    return Member(system, member.url if "://" in member.url else str(folder / member.url), member.secrets, member.options, folder)
