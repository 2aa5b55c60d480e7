"""Reads controls.yaml: who may consent, what needs four eyes, how long consent counts, when and how much may be written."""

from datetime import datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from unicodedata import normalize
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, field_validator

from hub.errors import ConfigurationWrong

FILE = Path(__file__).parent / "controls.yaml"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Class = Literal["public", "internal", "confidential", "personal", "sensitive"]


class FourEyes(BaseModel):
    """What needs two persons: that much at stake, or a field of such a class. None and nothing: no line does."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: Annotated[Decimal, Setting(ge=0)] | None = None
    classes: tuple[Class, ...] = ()


class Breaker(BaseModel):
    """A plan for more than this share of an object's records, and for at least so many, stops."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    share: float = Setting(0.5, gt=0)
    at_least: int = Setting(200, ge=1)


class Window(BaseModel):
    """When a role's systems may be written to, in the firm's time zone; `to` is the first moment that is too late."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    days: tuple[Literal[DAYS], ...] = DAYS
    begins: time = Setting(time(0), alias="from")
    ends: time = Setting(time.max, alias="to")

    def is_open(self, at: datetime) -> bool:
        """Whether a moment of the firm's time zone is inside."""
        return DAYS[at.weekday()] in self.days and self.begins <= at.time() < self.ends


class Controls(BaseModel):
    """The controls of a firm."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    alone: bool = False
    people: dict[Literal["controller"], tuple[str, ...]] = {}
    four_eyes: FourEyes = FourEyes()
    valid_days: Annotated[int, Setting(ge=1)] | None = None
    breaker: Breaker = Breaker()
    windows: dict[str, Window] = {}
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"{name} is no time zone; write it as Europe/Berlin is written") from unknown
        return name

    @property
    def controllers(self) -> frozenset[str]:
        return frozenset(map(person, self.people.get("controller", ())))

    def is_open(self, role: str, at: datetime) -> bool:
        """Whether systems of a role may be written to at a moment (aware)."""
        return role not in self.windows or self.windows[role].is_open(at.astimezone(ZoneInfo(self.timezone)))


@cache
def read(path: Path = FILE) -> Controls:
    """The controls that a file proposes. Raises ConfigurationWrong."""
    try:
        return Controls.model_validate(yaml.safe_load(path.read_text()) or {})
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/controls.md for the form") from wrong


def person(name: str) -> str:
    """A name as names are compared: Ann, ann and " Ann" are one person."""
    return " ".join(normalize("NFKC", name).casefold().split())
