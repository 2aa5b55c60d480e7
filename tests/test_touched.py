"""A cycle looks at what changed alone, and comes to what it would have come to by looking at everything."""

import pytest
from small_firm import Small

from assets import sqlmesh_models
from assets.observe import observe
from assets.understand import understand
from benchmarks import synthetic
from hub import journal, store
from hub.journal import Event


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    return synthetic.make(tmp_path_factory.mktemp("firm"), 2000)


def differing(firm):
    """The models whose table is not what their whole query gives."""
    found = []
    with store.writing(firm.hub_file) as connection:
        for model in sqlmesh_models.compiled(firm):
            columns = ", ".join(model.columns)
            whole, built = f"SELECT {columns} FROM ({model.whole})", f"SELECT {columns} FROM {model.table}"
            if connection.execute(f"({whole} EXCEPT ALL {built}) UNION ALL ({built} EXCEPT ALL {whole})").fetchall():
                found.append(model.name)
    return found


def test_tables_that_followed_the_changes_are_those_that_would_be_built_whole(firm):
    book = journal.open(firm.journal)

    for turn in range(3):
        if turn:
            synthetic.edit(firm, turn)
            left, right = linked(firm)
            book.append(
                [
                    Event(
                        "match.decided",
                        "customer",
                        {"entity": "customer", "left_ref": left, "right_ref": right, "verdict": "different"},
                        "steward",
                    )
                ]
            )
            book.append([Event("value.pinned", left, {"record_ref": left, "column": "legal_name", "value": f"Pinned {turn}"}, "steward")])
        for name in firm.systems:
            observe(firm, name, book)
        understood = understand(firm, book)

        assert differing(firm) == []
        assert understood.touched < 2000 or turn == 0


def test_what_refers_to_a_record_follows_it_when_an_edit_takes_it_to_another_hub_id(tmp_path):
    small = Small(tmp_path)
    small.say("crm:Account:1", Name="Brindle Works GmbH", Website="brindle.example")
    small.say("crm:Account:2", Name="Tarnfield Ltd", Website="tarnfield.example")
    small.say("erp:Customer:7", Name="Brindle Works", Website="brindle.example")
    small.say("erp:Invoice:9", Number="R-9", Amount="12.00", Currency="EUR", Customer="7")
    small.turn()
    (invoice,) = small.golden("invoice", "customer_id").items()

    small.say("erp:Customer:7", Name="Tarnfield Ltd", Website="tarnfield.example")
    small.turn()

    assert small.golden("invoice", "customer_id") == {invoice[0]: small.ties()["crm:Account:2"]}
    assert small.ties()["crm:Account:2"] != invoice[1]


def linked(firm):
    with store.writing(firm.hub_file) as connection:
        return connection.execute("""
          SELECT p.left_ref, p.right_ref FROM identity.customer_pair AS p JOIN journal.crossref AS l ON l.record_ref = p.left_ref JOIN journal.crossref AS r ON r.record_ref = p.right_ref
          WHERE p.verdict = 'link' AND l.hub_id = r.hub_id ORDER BY ALL LIMIT 1""").fetchone()
