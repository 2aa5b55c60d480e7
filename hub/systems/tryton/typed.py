"""Tryton's typed JSON values, both ways: dates and instants in ISO form, decimals in digits, durations in hours."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hub.errors import ContractBroken


def plain(value: Any) -> Any:
    """A JSON value with its typed values as text."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value.get("__class__"):
        case None:
            return {name: plain(each) for name, each in value.items()}
        case "Decimal":
            return value["decimal"]
        case "date":
            return date(value["year"], value["month"], value["day"]).isoformat()
        case "datetime":
            parts = [value[name] for name in ("year", "month", "day", "hour", "minute", "second", "microsecond")]
            return datetime(*parts).isoformat(timespec="microseconds")
        case "timedelta":
            return re.sub(r"\.?0+$", "", f"{Decimal(str(value['seconds'])) / 3600:.4f}")
    raise ContractBroken(f"tryton sends a value of class {value['__class__']}; teach hub/systems/tryton/typed.py to read it")


def moment(text: str) -> dict[str, Any]:
    """A date, or a UTC instant, in Tryton's form."""
    at = datetime.fromisoformat(text)
    day = {"year": at.year, "month": at.month, "day": at.day}
    if len(text) == len("2026-01-31"):
        return {"__class__": "date", **day}
    return {"__class__": "datetime", **day, "hour": at.hour, "minute": at.minute, "second": at.second, "microsecond": at.microsecond}


def decimal(value: Any) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": str(value)}


def hours(value: Any) -> dict[str, Any]:
    return {"__class__": "timedelta", "seconds": float(Decimal(str(value)) * 3600)}
