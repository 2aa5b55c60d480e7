"""Differences planted on purpose, each listed with what a system says and what it should say.

value_differs        a value that a person changed in one system, or that never got there
missing_counterpart  a record that ought to be in a system and is not
duplicate            the same thing twice in one system
orphan_reference     a record that points at nothing
sum_differs          hours or amounts that do not add up across systems
posted_differs       a posted invoice that is wrong: the hub must never write it
contract_fault       a row that breaks the object's contract and belongs in quarantine
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hub.mapping import System
from hub.twin import names, spelling
from hub.twin.ground import Ground, Planted
from hub.twin.views import Truth, View


def plant(seed: int, truth: Truth, systems: dict[str, System], views: list[View]) -> tuple[list[View], list[Planted]]:
    """The views with differences in them, and the list of these differences."""
    ground = Ground(truth, systems, {view.key: view for view in views}, Random(f"{seed}:plants"))
    for each in (
        _customers_missing,
        _projects_missing,
        _posted,
        _sums,
        _renamed,
        _terms,
        _rates,
        _addresses,
        _projects,
        _time_missing,
        _mirrors_missing,
        _duplicates,
        _orphans,
        _faults,
    ):
        each(ground)
    return list(ground.views.values()), ground.planted


def _customers_missing(ground: Ground) -> None:
    """The ERP opens an account days after the close: customer, project and order are not there yet."""
    projects = ground.truth["project"].values()
    waiting = {row["customer_ref"] for row in projects} - {row["customer_ref"] for row in projects if row["status"] != "planned"}
    tax_ids = {ground.truth["customer"][key]["tax_id"] for key in waiting}
    for view in ground.pick(2, "netsuite", "customer", lambda row: row["tax_id"] in tax_ids):
        for key in [key for key in ground.views if key[0] == "netsuite" and ground.views[key].values.get("customer_ref") == view.truth_id]:
            ground.drop("netsuite", key[1], key[2])
        ground.drop("netsuite", "customer", view.truth_id)


def _projects_missing(ground: Ground) -> None:
    """Won and signed, and nobody opened the project; or delivery did and finance did not."""
    for view in ground.pick(3, "kantata", "project", lambda row: row["status"] == "planned"):
        ground.drop("kantata", "project", view.truth_id)
        ground.drop("netsuite", "project", view.truth_id)
    for view in ground.pick(2, "netsuite", "project", lambda row: row["status"] == "planned"):
        ground.drop("netsuite", "project", view.truth_id)


def _posted(ground: Ground) -> None:
    """Posted in the ledger with an amount that the hours do not give, as sales sees too; or shown to sales with another amount."""
    hourly = lambda row: row["status"] == "posted" and ground.truth["project"][row["project_ref"]]["fee_model"] == "time_and_materials"
    for view in ground.pick(2, "netsuite", "invoice", lambda row: hourly(row) and row["issued_on"] > date(2026, 8, 1), "amount"):
        ground.say("posted_differs", view, amount=view.values["amount"] + 120)
        if mirror := ground.views.get(("salesforce", "invoice", view.truth_id, 0)):
            ground.say("posted_differs", mirror, amount=view.values["amount"] + 120)
    for view in ground.pick(2, "salesforce", "invoice", lambda row: row["status"] == "posted", "amount"):
        ground.say("posted_differs", view, amount=view.values["amount"] - 75)


def _sums(ground: Ground) -> None:
    """Hours that differ between delivery and finance, and drafts that do not sum up."""
    for view in ground.pick(
        3, "netsuite", "time_entry", lambda row: row["status"] == "approved" and row["worked_on"] < date(2026, 10, 1), "hours"
    ):
        ground.say("sum_differs", view, hours=view.values["hours"] + Decimal("1.5"))
    hourly = lambda row: row["status"] == "draft" and ground.truth["project"][row["project_ref"]]["fee_model"] == "time_and_materials"
    for view in ground.pick(2, "netsuite", "invoice", hourly, "amount"):
        ground.say("sum_differs", view, amount=view.values["amount"] - 200)


def _renamed(ground: Ground) -> None:
    """A rep renames the account after the close; finance keeps the signed name."""
    for view in ground.pick(3, "salesforce", "customer", lambda row: row["life_cycle"] == "customer", "legal_name"):
        ground.say("value_differs", view, legal_name=f"{view.values['legal_name'].split()[0]} Group")


def _terms(ground: Ground) -> None:
    """Terms were signed and never reached finance's order; or finance changed them and sales still shows the old."""
    signed = lambda row: row["status"] == "signed" and row["payment_terms"] == "net_30"
    for view in ground.pick(3, "netsuite", "contract", signed, "payment_terms"):
        ground.say("value_differs", view, payment_terms="net_60")
    billed = lambda row: row["life_cycle"] == "customer" and row["payment_terms"] == "net_45"
    for view in ground.pick(3, "salesforce", "customer", billed, "payment_terms"):
        ground.say("value_differs", view, payment_terms="net_15")


def _rates(ground: Ground) -> None:
    """The rate was revised when signing, and the order bills the old one."""
    for view in ground.pick(3, "netsuite", "contract", lambda row: row["status"] == "signed" and row["kind"] == "sow", "hourly_rate"):
        ground.say("value_differs", view, hourly_rate=view.values["hourly_rate"] - 10)


def _addresses(ground: Ground) -> None:
    """Sales still shows where the customer was."""
    for view in ground.pick(3, "salesforce", "customer", lambda row: row["life_cycle"] == "customer", "billing_address_street"):
        before = names.address(ground.draw, view.values["billing_address_country"])
        ground.say("value_differs", view, **{f"billing_address_{part}": value for part, value in before.items()})


def _projects(ground: Ground) -> None:
    """A project manager altered a code and moved an end; finance keeps the code and the date of before."""
    for view in ground.pick(2, "netsuite", "project", lambda row: row["status"] == "active", "code"):
        row = ground.truth["project"][view.truth_id]
        before, row["code"] = row["code"], f"{row['code']}-B"
        ground.say("value_differs", view, code=before)
        if delivery := ground.views.get(("kantata", "project", view.truth_id, 0)):
            ground.views[delivery.key] = replace(delivery, values=delivery.values | {"code": row["code"]})
    for view in ground.pick(3, "netsuite", "project", lambda row: row["status"] == "active", "ends_on"):
        ground.say("value_differs", view, ends_on=view.values["ends_on"] - timedelta(days=28))


def _time_missing(ground: Ground) -> None:
    """Approved time that never reached finance."""
    old = lambda row: row["status"] == "approved" and row["worked_on"] < date(2026, 10, 1)
    for view in ground.pick(15, "netsuite", "time_entry", old):
        ground.drop("netsuite", "time_entry", view.truth_id)


def _mirrors_missing(ground: Ground) -> None:
    for view in ground.pick(3, "salesforce", "invoice", lambda row: row["status"] == "posted"):
        ground.drop("salesforce", "invoice", view.truth_id)


def _duplicates(ground: Ground) -> None:
    """Entered twice: by another rep, under the trade name, without the tax number."""
    for system, count in (("salesforce", 4), ("netsuite", 3)):
        for view in ground.pick(count, system, "customer", has="legal_name"):
            again = spelling.long_form(ground.truth["customer"][view.truth_id]["legal_name"])
            ground.double(view, legal_name=again, tax_id=None, registration_number=None, email=None)
    for view in ground.pick(4, "salesforce", "contact", has="full_name"):
        ground.double(view, full_name=names.written_out(view.values["full_name"]), phone=None, title=None)


def _orphans(ground: Ground) -> None:
    """People in the old file whose customer is not in it."""
    for view in ground.pick(2, "files", "contact", has="customer_ref"):
        ground.spoil("orphan_reference", view, "customer_ref", "99999")


def _faults(ground: Ground) -> None:
    """Rows that the vendor's interface does send now and then: an option added yesterday, a file edited by hand."""
    for system, entity, column, bad in (
        ("files", "customer", "payment_terms", "see letter"),
        ("files", "customer", "credit_limit", "on request"),
        ("salesforce", "opportunity", "stage", "Verbal OK"),
        ("ironclad", "contract", "kind", "orderForm"),
        ("kantata", "project", "fee_model", "Value Based"),
        ("netsuite", "worker", "cost_center", "17"),
        ("bamboohr", "worker", "kind", "Seasonal"),
    ):
        for view in ground.pick(1, system, entity, has=column):
            ground.spoil("contract_fault", view, column, bad)
    for view in ground.pick(1, "files", "customer"):
        ground.add_without_key(view)
