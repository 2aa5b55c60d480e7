"""A model is brought up to date all or nothing, and rows that break an audit are not let in."""

from dataclasses import replace

import pytest

from assets import evaluation
from assets.evaluation import AuditFailed
from assets.sqlmesh_models import ROWS, Compiled
from hub import store

TWICE = f"SELECT count(*) FROM (SELECT id FROM {ROWS} GROUP BY id HAVING count(*) > 1)"
MODEL = Compiled("golden.thing", "thing", ["id", "name"], "SELECT id, name FROM said", "id IN (SELECT id FROM touched)",
                 "SELECT id, name FROM said WHERE id IN (SELECT id FROM touched)", {"unique": TWICE})  # fmt: skip


@pytest.fixture
def connection():
    found = store.connect()
    found.execute("CREATE TABLE thing (id INTEGER, name VARCHAR); CREATE TABLE touched (id INTEGER)")
    found.execute("CREATE TABLE said AS SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS t(id, name)")
    return found


def rows(connection):
    return connection.execute("SELECT id, name FROM thing ORDER BY ALL").fetchall()


def test_an_empty_table_is_built_whole_and_later_only_what_was_touched(connection):
    (first,) = evaluation.evaluate(connection, [MODEL], "golden", anew=True)
    connection.execute("UPDATE said SET name = upper(name); INSERT INTO touched VALUES (2)")

    (second,) = evaluation.evaluate(connection, [MODEL], "golden", anew=False)

    assert (first.rows, second.rows, second.audits) == (2, 2, {"unique": 0})
    assert rows(connection) == [(1, "one"), (2, "TWO")]


@pytest.mark.parametrize("anew", [True, False])
def test_rows_that_break_an_audit_leave_the_table_as_it_was(connection, anew):
    if not anew:
        evaluation.evaluate(connection, [MODEL], "golden", anew=True)
    before = rows(connection)
    connection.execute("INSERT INTO said VALUES (2, 'again'); INSERT INTO touched VALUES (2)")

    with pytest.raises(AuditFailed, match="golden.thing: 1 rows break unique"):
        evaluation.evaluate(connection, [MODEL], "golden", anew=anew)

    assert rows(connection) == before


def test_of_a_model_that_keeps_columns_what_went_and_what_came_can_be_asked_for(connection):
    keeping = replace(MODEL, keeps="name", stays=True)
    evaluation.evaluate(connection, [keeping], "golden", anew=True)
    connection.execute("UPDATE said SET name = upper(name); INSERT INTO touched VALUES (2)")

    evaluation.evaluate(connection, [keeping], "golden", anew=False)

    assert connection.execute("SELECT name FROM old_thing").fetchall() == [("two",)]
    assert connection.execute("FROM new_thing").fetchall() == [(2, "TWO")]
    assert rows(connection) == [(1, "one"), (2, "TWO")]


def test_models_of_other_schemas_wait_for_their_turn(connection):
    assert evaluation.evaluate(connection, [MODEL], "canonical", anew=True) == []
