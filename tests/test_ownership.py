"""Ownership is proved when it is loaded: what nobody could decide by is refused, with what to do."""

import re
from datetime import date

import pytest
import yaml

from hub import ownership, ownership_matrix
from hub.errors import ConfigurationWrong


def read(folder, **fields):
    path = folder / "ownership.yaml"
    together = fields.pop("together", [])
    path.write_text(yaml.safe_dump({"customer": {"believe": ["erp", "crm"], "together": together, "fields": fields}}))
    return ownership.read(path).entities["customer"]


def test_stand_ins_in_one_list_are_equal_and_the_others_follow_in_order(tmp_path):
    (rule,) = read(tmp_path, phone={"owner": "crm", "else": ["clm", ["erp", "psa"], "legacy"], "by": "recency"}).rules("phone")

    assert rule.ranks == {"crm": 0, "clm": 1, "erp": 2, "psa": 2, "legacy": 3}
    assert rule.order == ("crm", "clm", "erp", "psa", "legacy")
    assert rule.by == "recency"


def test_equals_that_nothing_decides_between_are_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="customer phone: erp, psa has equals; say `by`"):
        read(tmp_path, phone={"owner": "crm", "else": [["erp", "psa"]]})


def test_a_rule_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="source order"):
        read(tmp_path, phone={"owner": "crm", "by": "luck"})


def test_fields_that_go_together_are_chosen_alike(tmp_path):
    chosen = read(tmp_path, together=[["tax_id", "tax_code"]], tax_id={"owner": "erp"}, tax_code={"owner": "erp", "mirror": ["crm"]})

    assert chosen.group("tax_code") == ("tax_id", "tax_code")
    assert chosen.group("phone") == ("phone",)


def test_fields_that_go_together_and_are_chosen_otherwise_are_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="tax_code is not chosen as tax_id is"):
        read(tmp_path, together=[["tax_id", "tax_code"]], tax_id={"owner": "crm"})


@pytest.mark.parametrize(
    ("groups", "why"), [([["tax_id", "vat"]], "no field vat"), ([["tax_id", "phone"], ["phone", "email"]], "phone stands in two groups")]
)
def test_a_group_names_fields_once(tmp_path, groups, why):
    with pytest.raises(ConfigurationWrong, match=why):
        read(tmp_path, together=groups)


def bound(**bounds):
    return {"owner": "erp", "mirror": "crm", **bounds}


def test_a_rule_holds_in_some_of_our_legal_entities_and_another_one_elsewhere(tmp_path):
    contract = read(tmp_path, legal_name=[bound(**{"in": ["DE01", "UK01"]}), {"owner": "crm", "in": "elsewhere"}])

    assert [contract.rule("legal_name", "customer", legal_entity).owner for legal_entity in ("DE01", "UK01", "US01", None)] == [
        "erp",
        "erp",
        "crm",
        "crm",
    ]


def test_a_contract_is_read_for_a_day_and_from_is_the_first_and_until_the_first_without(tmp_path):
    path = tmp_path / "ownership.yaml"
    path.write_text(
        """
        customer:
          believe: [erp]
          fields:
            legal_name: [{owner: crm, until: 2026-07-01}, {owner: erp, from: 2026-07-01}]"""
    )
    contract = ownership.read(path)

    owners = [contract.in_force(date(2026, *day))["customer"].rules("legal_name")[0].owner for day in ((6, 30), (7, 1), (12, 31))]

    assert owners == ["crm", "erp", "erp"]
    assert contract.days == [date(2026, 7, 1)]


def test_a_contract_of_a_past_day_is_read_for_that_day_for_ever():
    text = "customer:\n  believe: [erp]\n  fields:\n    phone: [{owner: crm, until: 2026-07-01}, {owner: erp, from: 2026-07-01}]\n"

    then = ownership.parse("ownership.yaml", ownership.dated(text, date(2026, 6, 30)))

    assert then.in_force(date(2026, 11, 21))["customer"].rules("phone")[0].owner == "crm"


@pytest.mark.parametrize(
    ("rules", "witness"),
    [
        (
            [bound(**{"while": ["customer", "closed"]}), {"owner": "crm", "while": ["prospect", "customer"]}],
            "customer legal_name of one that is customer has two owners: erp (rule 1), crm (rule 2)",
        ),
        ([bound(**{"while": ["customer", "closed"]})], "customer legal_name of one that is prospect has no owner"),
        (
            [bound(**{"in": "DE01"}), {"owner": "clm"}],
            "customer legal_name of one that is prospect in DE01 has two owners: erp (rule 1), clm (rule 2)",
        ),
        ([bound(**{"in": "DE01"})], "of one that is prospect in a legal entity that no rule names has no owner"),
        (
            [bound(**{"from": date(2026, 7, 1)}), {"owner": "crm", "until": date(2026, 7, 2)}],
            "of one that is prospect on 2026-07-01 has two owners: erp (rule 1), crm (rule 2)",
        ),
        ([bound(**{"from": date(2026, 7, 1)})], "of one that is prospect on 2026-06-30 has no owner"),
        (
            [
                {"owner": "clm", "in": "elsewhere"},
                bound(**{"in": "DE01", "while": ["prospect"]}),
                bound(**{"in": "DE01", "while": ["customer", "closed"], "from": date(2026, 7, 1)}),
            ],
            "of one that is customer in DE01 on 2026-06-30 has no owner",
        ),
    ],
)
def test_a_field_with_two_owners_or_none_is_refused_with_a_record_that_would_have_them(tmp_path, rules, witness):
    with pytest.raises(ConfigurationWrong, match=re.escape(witness)):
        read(tmp_path, legal_name=rules)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"phone": [bound(**{"from": date(2026, 7, 1), "until": date(2026, 7, 1)})]}, "from 2026-07-01 until 2026-07-01 is no day"),
        ({"phone": bound(**{"in": "elsewhere"})}, "elsewhere is everywhere"),
        ({"legal_entity": [bound(**{"in": "DE01"}), {"owner": "crm", "in": "elsewhere"}]}, "legal_entity: it picks the rules"),
        ({"phone": bound(**{"while": "sleeping"})}, "no state sleeping; the life cycle is prospect, customer, closed"),
    ],
)
def test_bounds_that_bind_nothing_or_themselves_are_refused(tmp_path, fields, why):
    with pytest.raises(ConfigurationWrong, match=why):
        read(tmp_path, **fields)


def test_what_has_no_legal_entity_has_no_rule_of_one(tmp_path):
    path = tmp_path / "ownership.yaml"
    path.write_text("invoice: {believe: [erp], fields: {status: [{owner: erp, in: DE01}, {owner: crm, in: elsewhere}]}}")

    with pytest.raises(ConfigurationWrong, match="invoice has no legal_entity"):
        ownership.read(path)


def test_the_matrix_tells_of_each_field_for_which_records_and_days_who_owns_and_who_carries_it(tmp_path):
    path = tmp_path / "ownership.yaml"
    path.write_text(
        """
        cutover: {erp: [{system: newerp, in: DE01, from: 2026-07-01}, {system: olderp, else: true}]}
        customer:
          believe: [erp, crm]
          create: crm
          must_exist: {erp: "life_cycle = 'customer'"}
          fields:
            phone:
              - {owner: crm, until: 2026-07-01}
              - {owner: crm, else: [erp], in: elsewhere, from: 2026-07-01}
              - {owner: erp, in: DE01, mirror: crm, from: 2026-07-01}"""
    )
    contract = ownership.read(path)
    told = lambda **asked: [
        (row.field, row.of, row.owner, row.stands_in, row.mirrors) for row in ownership_matrix.rows(contract, "customer", **asked)
    ]

    assert told() == [
        ("phone", "until 2026-07-01", "crm", "", ""),
        ("phone", "elsewhere from 2026-07-01", "crm", "erp", ""),
        ("phone", "in DE01 from 2026-07-01", "erp", "", "crm"),
        ("(any other field)", "", "erp", "crm", ""),
    ]
    assert told(on=date(2026, 6, 30)) == [("phone", "", "crm", "", ""), ("(any other field)", "", "erp", "crm", "")]
    assert told(on=date(2026, 7, 1), legal_entity="DE01")[0] == ("phone", "in DE01", "erp", "", "crm")
    assert ownership_matrix.records(contract) == [
        ("customer", "crm", "a new one may arise here"),
        ("customer", "erp", "must hold it when life_cycle = 'customer'"),
    ]
    assert ownership_matrix.destinations(contract) == [("erp", "newerp", "in DE01 from 2026-07-01"), ("erp", "olderp", "all others")]


def test_a_contract_extends_another_and_replaces_what_it_names_itself(tmp_path):
    path = tmp_path / "ownership.yaml"
    path.write_text("extends: hub\ncustomer: {create: crm, fields: {phone: {owner: erp}}}\n")
    shipped, mine = ownership.read().entities, ownership.read(path).entities

    assert mine["customer"].rules("phone")[0].owner == "erp"
    assert mine["customer"].create == ("crm",)
    assert mine["customer"].rules("website") == shipped["customer"].rules("website")
    assert mine["invoice"] == shipped["invoice"]
    assert ownership.parse("alone", ownership.whole(path)).entities == mine


@pytest.mark.parametrize(("view", "owner", "mirror"), [("hub", "clm", ("erp",)), ("erp_owns_contracts", "erp", ("clm",))])
def test_firms_disagree_on_who_owns_contracts_and_both_views_can_be_said(tmp_path, view, owner, mirror):
    path = tmp_path / "ownership.yaml"
    path.write_text(f"extends: {view}\n")

    (rule,) = ownership.read(path).entities["contract"].rules("payment_terms")

    assert (rule.owner, rule.mirror) == (owner, mirror)


def test_a_contract_that_extends_what_is_not_there_is_refused_with_what_is(tmp_path):
    path = tmp_path / "ownership.yaml"
    path.write_text("extends: nothing\n")

    with pytest.raises(ConfigurationWrong, match="no 'nothing'; use hub or one of erp_owns_contracts"):
        ownership.read(path)
