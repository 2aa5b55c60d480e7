"""The twin: the truth adds up, the systems hold what the twin says they hold, and everything repeats."""

from collections import defaultdict
from decimal import Decimal

import pytest

from hub import entity
from hub.twin import money, numbers
from hub.twin.truth import truth


@pytest.fixture(scope="module")
def firm():
    return truth(7)


def test_every_fact_is_a_canonical_column(firm):
    unknown = {kind: set().union(*rows.values()) - set(entity.all_entities()[kind].columns()) for kind, rows in firm.items()}

    assert not any(unknown.values()), unknown


def test_every_reference_of_the_truth_resolves(firm):
    loose = [
        (key, name)
        for kind, rows in firm.items()
        for key, row in rows.items()
        for name, field in entity.all_entities()[kind].fields.items()
        if field.to in firm and row.get(f"{name}_ref") and row[f"{name}_ref"] not in firm[field.to]
    ]

    assert loose == []


def test_every_code_of_the_truth_is_in_its_list(firm):
    wrong = [
        (key, name, row[name])
        for kind, rows in firm.items()
        for key, row in rows.items()
        for name, field in entity.all_entities()[kind].fields.items()
        if field.codes and row.get(name) not in {None, *entity.codes(field.codes)}
    ]

    assert wrong == []


def test_an_hourly_billed_projects_invoices_add_up_to_its_invoiced_hours(firm):
    hours = money.invoiced_hours(firm["time_entry"])

    billed = defaultdict(Decimal)
    for row in firm["invoice"].values():
        if (row["project_ref"], row["issued_on"]) in hours:
            billed[row["project_ref"], row["issued_on"]] += row["amount"]

    assert billed == {(key, month): _gross(firm, key, sum_) for (key, month), sum_ in hours.items()}


def _gross(firm, project, hours):
    row = firm["project"][project]
    net = (hours * row["hourly_rate"]).quantize(money.CENT)
    return (net * (1 + money.tax_rate(firm["customer"][row["customer_ref"]]))).quantize(money.CENT)


def test_tax_numbers_have_right_check_digits_and_no_two_customers_share_one(firm):
    rows = firm["customer"].values()

    assert all(numbers.valid(row["tax_id"], row["billing_address_country"]) for row in rows)
    assert len({row["tax_id"] for row in rows}) == len(rows)


def test_some_customers_are_subsidiaries_and_some_only_look_alike(firm):
    by_stem = defaultdict(list)
    for row in firm["customer"].values():
        by_stem[row["legal_name"].split()[0]].append(row["parent_ref"])

    namesakes = [parents for parents in by_stem.values() if len(parents) > 1]
    assert sum(any(parents) for parents in namesakes) > 10
    assert sum(not any(parents) for parents in namesakes) > 10


def test_a_statement_of_work_is_under_a_master_agreement_of_the_same_customer(firm):
    contracts = firm["contract"]

    under = [(row["customer_ref"], contracts[row["parent_ref"]]["customer_ref"]) for row in contracts.values() if row["parent_ref"]]
    assert len(under) > 30
    assert all(one == other for one, other in under)


def test_sizes_follow_the_scale():
    sizes = {kind: len(rows) for kind, rows in truth(7, 2.0).items()}

    assert sizes | {"invoice": 0} == {
        "customer": 300,
        "contact": 500,
        "worker": 120,
        "opportunity": 240,
        "contract": 180,
        "project": 160,
        "time_entry": 5000,
        "invoice": 0,
    }
