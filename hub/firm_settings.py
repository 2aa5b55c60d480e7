"""Reads concord.yaml, the settings of a firm, and refuses what can't be meant."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from hub import entity, secret
from hub.errors import ConfigurationWrong

FILE = "concord.yaml"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NAME = re.compile(r"[a-z][a-z0-9_]*")


class MemberSettings(BaseModel):
    """One system, as concord.yaml says."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str  # a folder under hub/systems, or a path in the project folder that begins with ./
    url: str = ""
    plain_http: bool = False  # let secrets travel unencrypted, inside a network that the firm trusts
    role: str | None = None  # another role than system.yaml says
    secrets: dict[str, str] = {}
    options: dict[str, Any] = {}
    limits: dict[str, float] = {}  # another pace than system.yaml says: what the firm has bought
    user: str = ""  # what the system calls us, where it tells who changed a record


class Retention(BaseModel):
    """Days after which things are forgotten, by kind of thing; never, when nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    snapshots: PositiveInt | None = None
    cuts: PositiveInt | None = None
    values: PositiveInt | None = None  # what the journal keeps of writes that are over: before, after, payload, answer


class Settings(BaseModel):
    """A firm, as concord.yaml says."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    firm: str
    currency: str = "EUR"
    state: str = "state"
    journal: str = ""  # PostgreSQL url for a team, or a reference to it; a SQLite file in the state folder by default
    policies: str = ""
    ownership: str = ""
    controls: str = ""
    systems: dict[str, MemberSettings] = {}
    retention: Retention = Retention()


def read(folder: Path) -> Settings:
    """The settings in a project folder. Raises ConfigurationWrong with the key and the next step."""
    settings = _parsed(folder)
    check_currency(settings.currency)
    for key, said in (("policies", settings.policies), ("ownership", settings.ownership), ("controls", settings.controls)):
        if said and not (folder / said).exists():
            raise ConfigurationWrong(f"{FILE} {key}: no file {said} in {folder}; write it, or leave the key out")
    for name, member in settings.systems.items():
        if not NAME.fullmatch(name):
            raise ConfigurationWrong(
                f"{FILE} systems.{name}: write a name in lower-case letters, digits and _, since tables and references bear it"
            )
        for each, reference in member.secrets.items():
            secret.check(f"{FILE} systems.{name}.secrets.{each}", reference)
        _check_url(name, member)
    _check_journal(settings.journal)
    return settings


def check_currency(code: str) -> None:
    """Nothing, for a currency. Raises ConfigurationWrong for anything else."""
    if code not in entity.codes("currency"):
        raise ConfigurationWrong(f"{FILE} currency: {code} is none of ISO 4217; write it as EUR or USD are written")


def _check_url(name: str, member: MemberSettings) -> None:
    parts = urlsplit(member.url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not member.plain_http:
        raise ConfigurationWrong(
            f"{FILE} systems.{name}.url: http shows secrets and data to everyone on the way; write https://, or plain_http: true inside a network you trust"
        )


def _parsed(folder: Path) -> Settings:
    if not (folder / FILE).exists():
        raise ConfigurationWrong(f"no {FILE} in {folder}; make a project folder with `hub init {folder}`")
    try:  # the causes are not passed on, because they repeat values, and one may be a secret put in the wrong place
        return Settings.model_validate(yaml.safe_load((folder / FILE).read_text()))
    except yaml.YAMLError as wrong:
        line = f" in line {wrong.problem_mark.line + 1}" if isinstance(wrong, yaml.MarkedYAMLError) and wrong.problem_mark else ""
        raise ConfigurationWrong(f"{FILE} is not YAML{line}; correct it there or just above") from None
    except ValidationError as wrong:
        told = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'all of it'}: {each['msg']}" for each in wrong.errors())
        raise ConfigurationWrong(f"{FILE} {told}; see docs/firm.md for the keys") from None


def _check_journal(said: str) -> None:
    if "://" not in said:
        if said:
            secret.check(f"{FILE} journal", said)
    elif urlsplit(said).password or "password" in parse_qs(urlsplit(said).query):
        raise ConfigurationWrong(f"{FILE} journal: the url bears a password; put the url elsewhere and {secret.HOW}")
