"""Which files of a drop folder hold an object, and whether they are all there."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import ConfigurationWrong, ContractBroken, SystemUnavailable

UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload")
SETTLED_SECONDS = 1.0
YEAR_FIRST = re.compile(r"(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?:[-_.T ]?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)?)?")
DAY_FIRST = re.compile(r"(\d\d)[-_.](\d\d)[-_.](20\d\d)")


@dataclass(frozen=True)
class Options:
    """How an object stands in its files: the `read:` of system.yaml.

    pattern        file names, such as customers*.csv
    all            every matching file together is one read; else the newest, by the date in its name, then by its time
    done           a file counts once a file of the same name and .done lies beside it
    max_age_hours  an older newest file means that deliveries have stopped
    header_row     the line or row with the column names, from 1
    encoding       of text that is not UTF-8, such as cp1252
    key            columns that together are the key; joined by | they become the field named by `key:`
    """

    pattern: str
    all: bool = False
    done: bool = False
    max_age_hours: float | None = None
    sheet: str | None = None
    header_row: int = 1
    delimiter: str = ","
    encoding: str | None = None
    key: tuple[str, ...] = ()


def options(where: str, read: dict[str, Any]) -> Options:
    """The options of an object. Raises ConfigurationWrong for one that does not exist."""
    try:
        return Options(**read | {"key": tuple(read.get("key", ()))})
    except TypeError as wrong:
        raise ConfigurationWrong(
            f"{where}: {wrong}; `read` needs pattern and may have {', '.join(Options.__dataclass_fields__)}"
        ) from wrong


def files(where: str, folder: Path, wanted: Options) -> list[Path]:
    """The files that hold the object now. Raises ContractBroken unless each is delivered whole."""
    if not folder.is_dir():
        raise SystemUnavailable(f"{where}: there is no folder {folder}; mount it, or correct the address of the system")
    names = {wanted.pattern} | {wanted.pattern + suffix for suffix in UNFINISHED}
    found = sorted({path for name in names for path in folder.glob(name) if path.is_file() and path.name[0] not in ".~"}, key=_age)
    if not found:
        raise ContractBroken(f"{where}: no file is named {wanted.pattern}; see if the delivery came, or correct read.pattern")
    chosen = found if wanted.all else found[-1:]
    for path in chosen:
        _check_delivered(f"{where} {path.name}", path, wanted)
    return chosen


def settled(where: str, path: Path) -> tuple[int, int]:
    """Size and time of a file that has not grown for a second. Raises ContractBroken when it still grows."""
    before = state(path)
    if time.time() - before[1] / 1e9 < SETTLED_SECONDS:
        time.sleep(SETTLED_SECONDS)
    check_unchanged(where, path, before)
    return before


def check_unchanged(where: str, path: Path, before: tuple[int, int]) -> None:
    if state(path) != before:
        raise ContractBroken(
            f"{where}: is still being written; run again when it is whole, or have it delivered under another name and renamed"
        )


def state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _check_delivered(where: str, path: Path, wanted: Options) -> None:
    if path.suffix in UNFINISHED:
        raise ContractBroken(f"{where}: is not delivered whole, by its name; run again when it is renamed, or remove it")
    if wanted.done and not any(path.with_name(f"{name}.done").exists() for name in (path.name, path.stem)):
        raise ContractBroken(
            f"{where}: no {path.name}.done lies beside it; wait for the delivery to end, or take `done` out of system.yaml"
        )
    if wanted.max_age_hours and time.time() - path.stat().st_mtime > wanted.max_age_hours * 3600:
        raise ContractBroken(f"{where}: is older than {wanted.max_age_hours:g} hours; see why no newer file was delivered")


def _age(path: Path) -> tuple[str, int, str]:
    return _date(path.name), path.stat().st_mtime_ns, path.name


def _date(name: str) -> str:
    if found := YEAR_FIRST.search(name):
        return "".join(part or "" for part in found.groups())
    return "".join(reversed(found.groups())) if (found := DAY_FIRST.search(name)) else ""
