"""Reads what the firm expects to agree between its systems: one YAML an expectation."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError

from hub.errors import ConfigurationWrong

FOLDER = Path(__file__).parent.parent / "reconcile" / "expectations"


class Agreement(BaseModel):
    """Two roles must come to the same sum, or count, for each thing that the records refer to."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str
    says: str
    of: str  # the entity that is counted or summed
    sum: str | None = None  # its quantity or money field; none: records are counted
    per: str  # the reference field by which it is grouped
    where: str = "TRUE"  # on the record
    between: tuple[str, str]  # the role that is believed, and the one that must agree
    rate: str | None = None  # money field of what it is grouped by: turns the difference into money
    tolerance: float = 0
    owner: str = Setting("", description="who looks into it")


@cache
def read_all(folder: Path = FOLDER) -> tuple[Agreement, ...]:
    """Every expectation. Raises ConfigurationWrong, naming the file."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(Agreement(name=path.stem, **yaml.safe_load(path.read_text())))
        except (ValidationError, TypeError) as wrong:
            raise ConfigurationWrong(f"expectations/{path.name}: {wrong}; see docs/expectations.md for the form") from wrong
    return tuple(found)
