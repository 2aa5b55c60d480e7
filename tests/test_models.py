"""The SQL models: what they decide, proved by SQLMesh on a tiny firm, and what each of them says of itself."""

import io
from pathlib import Path

import pytest
import sqlglot

from assets import sqlmesh_project
from hub import firm
from hub.entity import all_entities

FIRM = Path(__file__).parent / "models" / "firm"


@pytest.fixture(scope="module")
def context():
    sqlglot.transpile("SELECT 1", write="duckdb")  # somebody was there before SQLMesh: Splink, say
    with sqlmesh_project.in_memory(firm.read(FIRM)) as found:
        yield found


def test_the_models_decide_as_the_yaml_tests_say(context):
    result = context.test(stream=io.StringIO())

    assert [f"{test}: {why}" for test, why in (*result.errors, *result.failures)] == []
    assert result.testsRun > 15


def test_every_model_says_what_a_row_is_and_types_every_column(context):
    models = context.models.values()

    untyped = {
        model.name: [column for column, kind in model.columns_to_types.items() if kind.sql() in ("UNKNOWN", "NULL")] for model in models
    }

    assert {model.name for model in models if not (model.description or "").startswith("One row a")} == set()
    assert {name: columns for name, columns in untyped.items() if columns} == {}


def test_every_column_of_a_record_says_what_the_entity_says_of_it(context):
    described = {model.name: model.column_descriptions for model in context.models.values()}

    for name in ("customer", "invoice", "project", "time_entry"):
        for field_name, field in all_entities()[name].fields.items():
            for column in field.columns(field_name):
                assert described[f"canonical.{name}"][column] == field.says
                assert described[f"golden.{name}"][column.replace("_ref", "_id") if field.type == "reference" else column] == field.says


def test_no_column_of_what_others_read_goes_undescribed(context):
    models = [
        model
        for model in context.models.values()
        if model.schema_name in ("canonical", "identity", "golden", "discrepancy", "outbound")
        and not model.name.endswith(("_key", "_pair"))
    ]

    bare = {model.name: model.columns_to_types.keys() - model.column_descriptions.keys() for model in models}

    assert {name: columns for name, columns in bare.items() if columns} == {}
