"""A hub file that begins as a copy of a kept one is the hub that compiling makes, and no row is kept."""

import shutil

import pytest
from small_firm import Small

from assets import cycle, hub_file, sqlmesh_models
from hub import store

CATALOG = """
SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal AND database_name = 'hub'
UNION ALL SELECT schema_name, view_name, sql, comment, NULL FROM duckdb_views() WHERE NOT internal AND database_name = 'hub' ORDER BY ALL"""


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    """Nothing is kept yet: the first firm of this module compiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_file, "KEPT", tmp_path_factory.mktemp("kept"))
        yield hub_file.KEPT


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return Small(tmp_path_factory.mktemp("first"))


def catalog(firm) -> list[tuple]:
    with store.connect(firm.hub_file, read_only=True) as connection:
        return connection.execute(CATALOG).fetchall()


def test_a_second_firm_under_the_same_rules_has_the_same_hub_without_compiling(compiled, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlmesh_models, "_compile", lambda firm: pytest.fail("it compiles"))

    second = Small(tmp_path)

    assert catalog(second.firm) == catalog(compiled.firm)
    assert {"canonical", "golden", "outbound"} <= {schema for schema, *_ in catalog(second.firm)}


def test_what_is_kept_holds_no_table_that_the_hub_fills_itself(compiled, kept):
    (file,) = kept.glob("*/hub.duckdb")
    with store.connect(file, read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name, estimated_size FROM duckdb_tables()").fetchall()

    assert tables and not {schema for schema, *_ in tables} & {"capture", "journal", "work"}
    assert sum(rows for *_, rows in tables) == 0


def test_a_hub_file_that_was_lost_is_made_again(compiled, kept, tmp_path):
    lost = Small(tmp_path)
    before = catalog(lost.firm)
    shutil.rmtree(kept)
    lost.firm.hub_file.unlink()

    cycle.prepare(lost.firm)

    assert catalog(lost.firm) == before
