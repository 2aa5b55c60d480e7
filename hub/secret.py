"""Finds secrets where the firm keeps them: `env:NAME`, `keyring:service/name` or `file:path`. Never in a file of settings."""

import os
from pathlib import Path

import keyring
from keyring.errors import KeyringError

from hub.errors import ConfigurationWrong

KINDS = ("env", "keyring", "file")
HOW = "refer to it with env:NAME, keyring:service/name or file:path"


def check(what: str, reference: str) -> None:
    """Nothing, for a reference. Raises ConfigurationWrong for a value that is written out, without repeating it."""
    kind, _, name = reference.partition(":")
    if kind not in KINDS or not name:
        raise ConfigurationWrong(f"{what} is written out; put it elsewhere and {HOW}")
    if kind == "keyring" and not all(name.rpartition("/")):
        raise ConfigurationWrong(f"{what}: {reference} names no service and entry; write keyring:service/name")


def find(what: str, reference: str, folder: Path) -> str:
    """The value that a reference leads to; a file is named from `folder`. Raises ConfigurationWrong when nothing is there."""
    check(what, reference)
    kind, _, name = reference.partition(":")
    found = {"env": _environment, "keyring": _keyring, "file": lambda path: _file(folder / path)}[kind](name)
    if not found:
        raise ConfigurationWrong(f"{what}: nothing at {reference}; put it there, then run again")
    return found


def _environment(name: str) -> str | None:
    return os.environ.get(name)


def _keyring(name: str) -> str | None:
    service, _, entry = name.rpartition("/")
    try:
        return keyring.get_password(service, entry)
    except KeyringError as wrong:
        raise ConfigurationWrong(f"this machine's keyring does not answer for {name}: {wrong}; unlock it, or use env: or file:") from wrong


def _file(path: Path) -> str | None:
    return path.read_text().strip() if path.is_file() else None
