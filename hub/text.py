"""What only a library knows of a text, as functions for SQL: other scripts in Latin letters, nicknames, check digits.

Each is called for the few values that need it; SQL does the rest. Sources: anyascii's tables, the nicknames list of
Old Dominion University, the check-digit rules that python-stdnum collects from tax offices.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, lru_cache

import duckdb
import pyarrow as pa
from anyascii import anyascii
from duckdb.func import PythonUDFType
from nicknames import NickNamer
from stdnum import exceptions, get_cc_module
from stdnum.eu import vat


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to a connection, and so to all that share its database in this process."""
    for name, (function, result) in FUNCTIONS.items():
        # A second connection to an open file finds them there already: functions belong to the database, not to the connection.
        with suppress(duckdb.CatalogException):
            connection.create_function(name, _over(function), ["VARCHAR"], result, type=PythonUDFType.ARROW, null_handling="special")


@lru_cache(maxsize=1 << 16)
def latin(text: str) -> str:
    """The text in ASCII letters, lower case: Москва is moskva."""
    return anyascii(text).lower()


@lru_cache(maxsize=1 << 16)
def names_for(given: str) -> str:
    """The given names that this one may stand for, and itself, between blanks: ' bob bobby robert '. Lower case in and out."""
    return f" {' '.join(sorted({given, *_nicknames().canonicals_of(given)}))} "


@lru_cache(maxsize=1 << 16)
def has_right_check_digits(number: str) -> bool | None:
    """Whether a tax number with its country in front keeps that country's rule; None when it has no country, or one without a rule."""
    try:
        country = number[:2].upper()
        if country.lower() in vat.MEMBER_STATES | {"el"}:
            return bool(vat.validate(number))
        module = get_cc_module(country, "vat") if country.isalpha() else None
        return bool(module.validate(number)) if module else None
    except exceptions.ValidationError:
        return False


@cache
def _nicknames() -> NickNamer:
    return NickNamer()


@cache  # kept for good: DuckDB lets go of a function with the connection that made it known, and others still call it
def _over(function: Callable) -> Callable[[pa.ChunkedArray], pa.Array]:
    def each(values: Iterable[pa.Scalar]) -> pa.Array:
        return pa.array([None if value is None else function(value) for value in values.to_pylist()])

    return each


FUNCTIONS = {
    "latin": (latin, "VARCHAR"),
    "names_for": (names_for, "VARCHAR"),
    "has_right_check_digits": (has_right_check_digits, "BOOLEAN"),
}
