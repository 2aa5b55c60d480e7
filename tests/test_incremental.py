"""Identity follows changes alone and comes to the pairs, clusters and questions that a full run would: edits, splits, merges, crowds, deletes."""

from random import Random

import polars as pl
import pytest

from assets import sqlmesh_models
from assets.observe import observe
from assets.understand import understand
from benchmarks import synthetic
from hub import entity, journal, store
from reconcile import clusters, ties

EDITS = (
    "\"Name\" = 'Crowded Works GmbH'",  # more and more share it: what it weighs goes down in steps
    '"Name" = "Name" || \' Nord\'',
    "\"Phone\" = '+49 30 1234567'",
    "\"Website\" = 'www.' || lower(\"Id\") || '.example'",
    '"Vat" = \'DE\' || (100000000 + hash("Id") % 899999999)::VARCHAR',
    '"Vat" = NULL',
    "_gone = 'deleted'",
    "_gone = NULL",
    "\"Street\" = 'Elm Street 1', \"Zip\" = '10115'",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    firm = synthetic.make(tmp_path_factory.mktemp("firm"), 500)
    for name in firm.systems:
        observe(firm, name, journal.open(firm.journal))
    understand(firm, journal.open(firm.journal))
    return firm


def edit(firm, draw):
    """Change some records as a snapshot would have: in the captured rows, and noted as pending."""
    with store.writing(firm.hub_file) as connection:
        for _ in range(draw.randint(1, 4)):
            table, change, share, salt = (
                draw.choice(["Account", "Customer"]),
                draw.choice(EDITS),
                draw.choice([7, 25, 90]),
                draw.randint(1, 10**9),
            )
            source = f'capture."{"crm" if table == "Account" else "erp"}__{table}"'
            prefix = f"{'crm' if table == 'Account' else 'erp'}:{table}:"
            which = f"hash(_id, {salt}) % {share} = 0"
            connection.execute(f"UPDATE {source} SET {change} WHERE {which}")
            connection.execute(f"INSERT INTO capture.pending SELECT '{prefix}' || _id, 'update' FROM {source} WHERE {which}")


def whole(connection, firm):
    """The pairs and clusters of a full run on the records as they are."""
    for model in sqlmesh_models.compiled(firm):
        if model.name in ("identity.customer_key", "identity.customer_pair"):
            columns = ", ".join(model.columns)
            full, kept = f"SELECT {columns} FROM ({model.whole})", f"SELECT {columns} FROM {model.table}"
            assert connection.execute(f"({full} EXCEPT ALL {kept}) UNION ALL ({kept} EXCEPT ALL {full})").fetchall() == [], model.name
    records = connection.execute("SELECT record_ref, tax_id, registration_number FROM identity.customer_key").pl()
    pairs = connection.execute("SELECT * FROM identity.customer_pair").pl()
    weight = pl.when("has_equal_key").then(float(ties.KNOWN)).otherwise("match_weight").alias("match_weight")
    links = pairs.filter(pl.col("verdict") == "link").select("left_ref", "right_ref", weight)
    return clusters.clusters(records, links, pairs.filter("has_unequal_key").select("left_ref", "right_ref"))


def asked(connection):
    """The open questions, with the hub ids of their records."""
    return connection.execute("FROM work.question ORDER BY ALL").fetchall()


def groups(rows, by):
    return {tuple(sorted(each)) for each in rows.group_by(by).agg("record_ref")["record_ref"].to_list()}


@pytest.mark.parametrize("seed", range(3))
def test_what_followed_the_changes_is_what_a_full_run_gives(built, seed):
    draw = Random(seed)

    for _ in range(5):
        edit(built, draw)
        understand(built, journal.open(built.journal))

        with store.writing(built.hub_file) as connection:
            full = whole(connection, built)
            tied = connection.execute(
                "SELECT x.record_ref, x.hub_id FROM journal.crossref AS x SEMI JOIN identity.customer_key AS k ON k.record_ref = x.record_ref"
            ).pl()
            assert groups(tied, "hub_id") == groups(full, "cluster")
            questions = asked(connection)
            ties.ask(connection, entity.all_entities()["customer"], everything=True)
            assert questions == asked(connection)
