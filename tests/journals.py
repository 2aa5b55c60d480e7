"""Where the tests of the journal keep one: an empty file, and an empty schema of a PostgreSQL server."""

# ruff: noqa: F811  a fixture, and the argument that asks for it, have one name
from itertools import count

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from postgres import postgres

__all__ = ["few", "new_place", "place", "postgres"]
names = count()
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request, tmp_path):
    """A function that names an empty journal: a file, or a schema of its own."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None

    def place() -> str:
        name = f"journal_{next(names)}"
        if not server:
            return str(tmp_path / "state" / f"{name}.sqlite")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{server}?options=-csearch_path%3D{name}"

    return place


@pytest.fixture
def place(new_place):
    return new_place()
