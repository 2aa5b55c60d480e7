"""Reads what needs no person, and tells which policy covers a line."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import ConfigurationWrong


class Policy(BaseModel):
    """Consent given once, in advance, for lines like these. What is not named is not restricted, but fields are for updates."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    version: int
    why: str
    actions: tuple[Literal["create", "update"], ...] = ("update",)
    entities: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def covers(self, action: str, entity: str, role: str, field: str | None) -> bool:
        return (
            action in self.actions
            and (not self.entities or entity in self.entities)
            and (not self.roles or role in self.roles)
            and (action == "create" or not self.fields or field in self.fields)
        )


@cache
def read(path: Path) -> tuple[Policy, ...]:
    """The policies of a firm. Raises ConfigurationWrong."""
    try:
        return tuple(Policy.model_validate(spec) for spec in yaml.safe_load(path.read_text()) or [])
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/policies.md for the form") from wrong
