"""Where one canonical column comes from in a system's records, and how its values go back."""

from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field as Setting, model_validator

from hub.errors import ConfigurationWrong


class Column(BaseModel):
    """Where one canonical column comes from, and goes back to."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    source: str | None = Setting(None, alias="from")  # path in the record, a/b for nested values
    const: str | None = None  # the same for every record; has no way back
    codes: dict[str, str] | None = None  # the system's code -> ours; first of several is written back
    format: str | None = None  # strptime format of a date or instant
    object: str | None = None  # for a reference: the object whose id stands here
    per: int | None = None  # the system counts so many whole ones to one of ours: 60 minutes an hour, 100 cents a euro
    write: bool = True

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"from": value}
        if isinstance(value, dict) and isinstance(value.get("codes"), dict):
            return value | {"codes": {str(k).lower() if isinstance(k, bool) else str(k): v for k, v in value["codes"].items()}}
        return value

    @property
    def goes_back(self) -> bool:
        return self.source is not None and self.write

    @cached_property
    def _back(self) -> dict[str, str]:
        return {ours: theirs for theirs, ours in reversed(self.codes.items())}

    def outward(self, value: Any) -> Any:
        """The value in the system's own words; None clears. Raises ConfigurationWrong for a value that has no code."""
        if value is None:
            return None
        if self.codes:
            value = str(value).lower() if isinstance(value, bool) else value
            if value not in self._back:
                raise ConfigurationWrong(f"{self.source}: no code for {value!r}; add one to `codes`")
            return {"true": True, "false": False}.get(self._back[value], self._back[value])
        if self.per:
            return round(Decimal(value) * self.per)  # 0.8333 hours came from 50 minutes
        if self.format and isinstance(value, (date, datetime)):
            return value.strftime(self.format)
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, date):
            return value.isoformat()
        return float(value) if isinstance(value, Decimal) else value
