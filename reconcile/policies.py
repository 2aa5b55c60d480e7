"""Reads what needs no person, and tells which policy covers a line."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError

from hub.controls import Class
from hub.errors import ConfigurationWrong


class Limit(BaseModel):
    """How far a policy goes: the most at stake in a line, the most lines of one plan, the classes of fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: Annotated[Decimal, Setting(ge=0)] | None = None
    lines: Annotated[int, Setting(ge=1)] | None = None
    classes: tuple[Class, ...] = ()


class Policy(BaseModel):
    """Consent given once, in advance, for lines like these. What is not named is not restricted, but fields and classes are for updates."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    version: int
    why: str
    actions: tuple[Literal["create", "update"], ...] = ("update",)
    entities: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    limit: Limit = Limit()

    @property
    def title(self) -> str:
        """As the journal names it."""
        return f"{self.name} v{self.version}"


@cache
def read(path: Path) -> tuple[Policy, ...]:
    """The policies of a firm. Raises ConfigurationWrong."""
    try:
        found = tuple(Policy.model_validate(spec) for spec in yaml.safe_load(path.read_text()) or [])
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/policies.md for the form") from wrong
    if twice := sorted({each.name for each in found if [one.name for one in found].count(each.name) > 1}):
        raise ConfigurationWrong(f"{path.name}: two policies are called {', '.join(twice)}; give each a name of its own")
    return found
