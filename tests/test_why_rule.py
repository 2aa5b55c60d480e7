"""Which rule decided about two records, on a few invented ones."""

import polars as pl
import pytest

from hub import entity, projection, rules, store
from hub.matching import hashed
from hub.pairs import weighed
from reconcile import ties, why_flip, why_match, why_told, why_trial
from reconcile.clusters import clusters
from reconcile.why_trial import Field, Outcome

FIRM = "firm: Example\ncurrency: EUR\nsystems:\n  salesforce: {kind: salesforce, url: 'http://127.0.0.1:1'}\n"
MATCHING = """
keys:
  name_key: organisation_key(legal_name)
  domain: website
  phone_key: phone
  postcode: billing_address_postcode
  tax_id: tax_id
  registration_number: registration_number
  parent: parent_ref
apart: l.parent = r.record_ref OR r.parent = l.record_ref
blocks: [[name_key], [domain], [phone_key], [tax_id]]
link: 6
needs: [[name]]
review: -2
prior: -9
comparisons:
  name: {'on': [name_key], levels: [{when: l.name_key = r.name_key, m: 0.8, u: 0.0015625}, {m: 0.125, u: 1}]}
  domain: {'on': [domain], levels: [{when: l.domain = r.domain, m: 0.8, u: 0.003125}, {m: 0.125, u: 1}]}
  phone: {'on': [phone_key], levels: [{when: l.phone_key = r.phone_key, m: 0.8, u: 0.05}, {m: 0.125, u: 1}]}
  place: {'on': [postcode], levels: [{when: l.postcode = r.postcode, m: 0.8, u: 0.003125}, {m: 0.125, u: 1}]}
"""  # name +9 -3, domain +8 -3, phone +4 -3, place +8 -3
SHARED = {"website": "skarith.example", "phone": "+493023125001", "billing_address_postcode": "10115"}


@pytest.fixture
def the_rules(tmp_path):
    (tmp_path / "concord.yaml").write_text(FIRM)
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "customer.yaml").write_text(MATCHING)
    return rules.of(str(tmp_path))


@pytest.fixture
def told(the_rules):
    """Explains the first two of some customers, in a hub that holds these alone."""
    with store.connect() as connection:
        yield lambda *customers, said=(): why_match.of_pair(
            hub_of(connection, the_rules, customers, said), "customer", ref(0), ref(1), the_rules
        )


def ref(number):
    return f"salesforce:Account:{number}"


def hub_of(connection, the_rules, customers, said):
    """A hub's tables as the models and the journal leave them. said: (number, number, verdict) of a steward."""
    columns, how = entity.all_entities()["customer"].columns(), the_rules.matching("customer")
    head = {"is_live": True, "merged_ref": None, "hub_id_said": None}
    rows = [{"record_ref": ref(at)} | head | dict.fromkeys(columns) | each for at, each in enumerate(customers)]
    texts = dict.fromkeys(["record_ref", "merged_ref", "hub_id_said", *columns], pl.String)
    connection.register("customers", pl.DataFrame(rows, schema_overrides=texts | {"is_live": pl.Boolean}))
    connection.execute("CREATE SCHEMA capture; CREATE SCHEMA canonical; CREATE SCHEMA identity")
    projection.prepare(connection)
    connection.execute("CREATE TABLE canonical.customer AS SELECT * FROM customers")
    head, live = "record_ref, 'salesforce:Account' AS source, hub_id_said", "(SELECT * FROM canonical.customer WHERE is_live)"
    connection.execute(f"CREATE TABLE identity.customer_key AS {how.select(head, live, columns)}")
    strong = entity.all_entities()["customer"].identity.strong
    connection.execute(f"CREATE TABLE identity.customer_pair AS {weighed('identity.customer_key', how, strong, False)}")
    for seq, (one, other, verdict) in enumerate(said, 1):
        pair = [ref(one), ref(other)]
        connection.execute(
            "INSERT INTO journal.event VALUES (?, now()::TIMESTAMP, 'ada', 'match.decided', '', '{\"reason\": \"asked them\"}', '')", [seq]
        )
        connection.execute("INSERT INTO work.decided VALUES ('customer', ?, ?, ?, ?, ?, ?)", [*pair, verdict, *pair, seq])
    connection.execute("CREATE TEMP TABLE affected AS SELECT record_ref FROM identity.customer_key")
    connection.execute("CREATE TEMP TABLE survivor (record_ref VARCHAR, survivor_ref VARCHAR, entity VARCHAR)")
    links, apart = (connection.execute(sql).pl() for sql in (ties.links_of("customer"), ties.apart_of(entity.all_entities()["customer"])))
    tied = clusters(connection.execute(f"SELECT record_ref, {', '.join(strong)} FROM identity.customer_key").pl(), links, apart)
    connection.register("tied", tied)
    connection.execute("INSERT INTO journal.crossref BY NAME SELECT record_ref, 'customer' AS entity, 'C-' || cluster AS hub_id FROM tied")
    connection.execute("DROP TABLE affected; DROP TABLE survivor")
    return connection


def customer(name, **more):
    return {"legal_name": name} | more


@pytest.mark.parametrize(
    ("name", "one", "other", "together"),
    [
        ("weight", customer("Skarith GmbH", **SHARED), customer("Skarith AG", **SHARED), True),
        ("equal_key", customer("Skarith GmbH", tax_id="DE811234567"), customer("Alvbryn AG", tax_id="DE811234567"), True),
        ("needs", customer("Skarith Logistik GmbH", **SHARED), customer("Birkenbau Verwaltung GmbH", **SHARED), False),
        (
            "unequal_key",
            customer("Skarith GmbH", tax_id="DE811234567", **SHARED),
            customer("Skarith GmbH", tax_id="DE922765431", **SHARED),
            False,
        ),
        ("slip", customer("Skarith GmbH", tax_id="DE811234567", **SHARED), customer("Skarith GmbH", tax_id="DE811234576", **SHARED), False),
        ("doubt", customer("Skarith GmbH"), customer("Skarith GmbH"), False),
        ("light", customer("Skarith GmbH", phone="+1"), customer("Birkenbau Verwaltung GmbH", phone="+1"), False),
        ("block", customer("Skarith GmbH"), customer("Birkenbau Verwaltung GmbH"), False),
        ("related", customer("Skarith GmbH", **SHARED), customer("Skarith GmbH", parent_ref="salesforce:Account:0", **SHARED), False),
        ("hub_id", customer("Skarith GmbH", hub_id_said="C-1"), customer("Birkenbau Verwaltung GmbH", hub_id_said="C-1"), True),
    ],
)
def test_each_rule_is_named_where_it_decides(told, name, one, other, together):
    match = told(one, other)

    assert (match.rule.name, match.together) == (name, together)
    assert match.outcome.together == together


def test_a_record_that_is_gone_is_said_to_be_gone(told):
    match = told(customer("Skarith GmbH", is_live=False, merged_ref=ref(1)), customer("Skarith GmbH"))

    assert (
        match.rule.says == "salesforce Account 0 was merged into salesforce Account 1 there and goes where that goes; it is matched no more"
    )


def test_a_steward_decided_and_only_the_steward_reverses_it(told):
    match = told(customer("Skarith GmbH", **SHARED), customer("Skarith GmbH", **SHARED), said=[(0, 1, "different")])

    assert (match.rule.name, match.rule.facts["decided_by"], match.rule.facts["reason"]) == ("decision", "ada", "asked them")
    assert match.flips == []
    assert [flip.changes[0].to for flip in match.decisions] == ["undone", "same"]


def test_a_decision_that_the_evidence_bears_out_is_reversed_by_taking_it_back_and_other_evidence(told):
    match = told(customer("Skarith GmbH"), customer("Skarith GmbH"), said=[(0, 1, "different")])

    assert [flip.changes[0].to for flip in match.decisions] == ["same"]
    assert "if a steward's decision were taken back and the domain agreed, they would be one (weight 0.0 -> 8.0)" in "\n".join(
        why_told.lines(match)
    )


def test_two_that_are_one_by_way_of_a_third_tell_the_way(told):
    left, bridge, right = (
        customer("Skarith GmbH", website="skarith.example"),
        customer("Skarith GmbH", **SHARED),
        customer("Alvbryn AG", tax_id="DE811234567"),
    )
    match = told(left, right, bridge | {"tax_id": "DE811234567"})

    assert (match.rule.name, match.together, match.outcome.verdict) == ("cluster", True, None)
    assert [each.facts["record_ref"] for each in match.kin.because] == [ref(2), ref(1)]
    assert "one with salesforce Account 1 by way of 1 others" in "\n".join(why_told.lines(match))


def test_two_that_fit_each_other_and_stay_apart_name_the_records_that_forbid_it(told):
    same = customer("Skarith GmbH", website="skarith.example")
    one, other = same | {"billing_address_postcode": "10115"}, same | {"phone": "+1"}
    match = told(one, other, one | {"tax_id": "DE811234567"}, other | {"tax_id": "DE922765431"})

    assert (match.rule.name, match.together, match.outcome) == ("cluster", False, Outcome(8.0, "link", False))
    assert match.rule.says.endswith("their clusters hold records that must stay apart: salesforce Account 2 and salesforce Account 3")


def test_the_smallest_change_that_would_reverse_it_is_said_with_the_weight_before_and_after(told):
    match = told(customer("Skarith GmbH"), customer("Skarith GmbH"))

    assert "  if the domain agreed, they would be one (weight 0.0 -> 8.0)" in why_told.lines(match)
    assert [(flip.changes[0].what, flip.after.weight) for flip in match.flips] == [
        ("registration_number", 0.0),
        ("tax_id", 0.0),
        ("domain", 8.0),
        ("place", 8.0),
    ]


def test_what_needs_two_changes_is_told_with_both(the_rules):
    silent = {
        "name_key": None,
        "domain": None,
        "phone_key": "+1",
        "postcode": None,
        "tax_id": None,
        "registration_number": None,
        "parent": None,
    }
    rows = [{"record_ref": ref(at), "hub_id_said": None} | silent for at in (0, 1)]
    keys = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    decisions = pl.DataFrame(schema=dict.fromkeys(["left_ref", "right_ref", "verdict"], pl.String))
    where = Field(
        "customer",
        the_rules.matching("customer"),
        (),
        ref(0),
        ref(1),
        "keys",
        keys,
        decisions,
        keys.select("record_ref", parent_ref="hub_id_said"),
    )
    with store.connect() as connection:
        connection.register("said", keys)
        hashes = ", ".join(f"{hashed(each)} AS {column}" for column, each in where.how.hashes().items())
        connection.execute(f"CREATE TABLE keys AS SELECT *, {hashes} FROM said")
        (before,) = why_trial.run(connection, where, [()])

        flips = why_flip.by_evidence(connection, where, before)

    assert before == Outcome(-5.0, "apart", False)
    assert [why_flip.says(flip, {}) for flip in flips] == [
        "if the domain agreed and the place agreed, they would be one (weight -5.0 -> 11.0)",
        "if the name agreed and the domain agreed, they would be one (weight -5.0 -> 12.0)",
        "if the name agreed and the place agreed, they would be one (weight -5.0 -> 12.0)",
    ]
