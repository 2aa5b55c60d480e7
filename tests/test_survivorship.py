"""What a rule's `by` decides, against the same words in plain Python, for any records in any order."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from spoken import Firm

from assets import sqlmesh_models
from hub import store

RULES = """
legal_name: {owner: erp, else: [[crm, psa]], by: agreement, mirror: [crm]}
website: {owner: crm, else: [erp], by: recency}
phone: {owner: crm, else: [[erp, psa]], by: longest valid, mirror: [erp]}
industry: {owner: crm, else: [erp], by: completeness}
"""
RANKS = {
    "legal_name": {"erp": 0, "crm": 1, "psa": 1},
    "website": {"crm": 0, "erp": 1},
    "phone": {"crm": 0, "erp": 1, "psa": 1},
    "industry": {"crm": 0, "erp": 1},
}
START = datetime(2026, 1, 1)
MOMENTS = st.integers(0, 3).map(lambda day: START + timedelta(days=day))
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["crm", "erp", "psa"]),
            "first_at": MOMENTS,
            "changed_at": MOMENTS,
            "field_changed_at": st.dictionaries(st.sampled_from(sorted(RANKS)), MOMENTS, max_size=2),
            "legal_name": st.sampled_from([None, "Example Works", "EXAMPLE-WORKS", "Sample"]),
            "website": st.sampled_from([None, "a.example", "b.example"]),
            "phone": st.sampled_from([None, "+41", "+42"]),
            "industry": st.sampled_from([None, "Tools", "Roofs"]),
        }
    ),
    min_size=1,
    max_size=6,
)


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_ref", "system", "role", "hub_id", *RANKS)]
    + [("is_live", pa.bool_()), ("first_at", pa.timestamp("us")), ("changed_at", pa.timestamp("us"))]
    + [("field_changed_at", pa.map_(pa.string(), pa.timestamp("us")))]
)


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """A function from the records of one customer to {field: (golden value, the record that gave it)}."""
    firm = Firm(tmp_path_factory.mktemp("survivorship") / "firm", RULES)
    model = next(each for each in sqlmesh_models.compiled(firm.firm) if each.name == "golden.customer")
    with store.writing(firm.firm.hub_file) as connection:
        connection.execute("CREATE TEMP TABLE member_customer AS SELECT * FROM identity.customer LIMIT 0")

        def of(records):
            connection.register("rows", pa.Table.from_pylist(records, SCHEMA))
            connection.execute("DELETE FROM member_customer; INSERT INTO member_customer BY NAME SELECT * FROM rows")
            row = connection.execute(model.touched).pl().row(0, named=True)
            return {field: (row[field], row[f"{field}_from"]) for field in RANKS}

        yield of
    firm.close()


def is_cleared(record, field):
    return record[field] is None and field in record["field_changed_at"]


def plain(name):
    return "".join(letter for letter in (name or "").lower() if letter.isalnum())


def score(field, record, heard):
    """What the field's rule counts; the record with the most wins."""
    if field == "website":
        return record["changed_at"].timestamp()
    if field == "industry":
        return sum(record[each] is not None for each in RANKS)
    if field == "phone":
        return -record["field_changed_at"].get(field, record["first_at"]).timestamp()
    return len({each["system"] for each in heard if plain(each[field]) == plain(record[field])})


def decided(records, field):
    """(value, record_ref) by the words of docs/golden.md."""
    ranks = RANKS[field]
    has_say = lambda each: each[field] is not None or (ranks[each["role"]] == 0 and is_cleared(each, field))
    heard = [each for each in records if each["role"] in ranks and has_say(each)]
    order = lambda each: (
        ranks[each["role"]],
        each[field] is None,
        -score(field, each, heard),
        list(ranks).index(each["role"]),
        -sum(each[other] is not None for other in RANKS),
        each["record_ref"],
    )
    best = min(heard, key=order, default=None)
    return (best[field], best["record_ref"]) if best else (None, None)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(RECORDS, st.randoms())
def test_the_record_that_survives_is_the_one_that_the_words_of_the_rule_name(golden, drawn, order):
    records = [
        each | {"record_ref": f"{each['role']}:x:{number}", "system": each["role"], "hub_id": "C-1", "is_live": True}
        for number, each in enumerate(drawn)
    ]
    expected = {field: decided(records, field) for field in RANKS}
    order.shuffle(records)

    assert golden(records) == expected
