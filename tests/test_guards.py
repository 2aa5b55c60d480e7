"""Finance's guards hold what they say, on the golden records of today."""

from pathlib import Path

import pytest

from hub import capture, entity, projection, store
from hub.errors import ConfigurationWrong
from reconcile import guards

ROLES = {"ledger": "erp", "delivery": "psa"}


@pytest.fixture
def hub():
    """A hub with an empty golden table of every entity, and no line in its plan."""
    connection = store.connect()
    capture.prepare(connection)
    projection.prepare(connection)
    for schema in ("golden", "outbound"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for name, known in entity.all_entities().items():
        columns = ", ".join(
            f"{column.removesuffix('_ref') + '_id' if column.endswith('_ref') else column} {kind}"
            for column, kind in known.columns().items()
        )
        connection.execute(f"CREATE TABLE golden.{name} (hub_id VARCHAR, {columns})")
    connection.execute(
        "CREATE TABLE outbound.delta (entity VARCHAR, hub_id VARCHAR, system VARCHAR, object VARCHAR, record_id VARCHAR, field VARCHAR, action VARCHAR)"
    )
    connection.execute(
        "INSERT INTO journal.event BY NAME SELECT 1 AS seq, 'controls.set' AS kind, ? AS body",
        [f'{{"roles": {str(ROLES).replace(chr(39), chr(34))}}}'],
    )
    guards.lay(connection, guards.told(connection))
    return connection


def say(hub, name, **values):
    hub.execute(f"INSERT INTO golden.{name} BY NAME SELECT {', '.join('$' + key + ' AS ' + key for key in values)}", values)


def line(hub, of, system="ledger", field=None, hub_id="X", action=None):
    hub.execute(
        "INSERT INTO outbound.delta VALUES (?, ?, ?, 'thing', ?, ?, ?)",
        [of, hub_id, system, None if field is None else "7", field, action or ("update" if field else "create")],
    )


def held(hub):
    return [says.partition(";")[0] for (says,) in hub.execute("SELECT says FROM work.guarded ORDER BY about").fetchall()]


def period(hub, number="2026-05", status="closed"):
    say(hub, "accounting_period", hub_id="P", number=number, status=status, starts_on="2026-05-01", ends_on="2026-05-31")


def test_time_of_a_closed_period_is_held_and_of_an_open_one_is_not(hub):
    period(hub)
    for hub_id, day in (("may", "2026-05-31"), ("june", "2026-06-01")):
        say(hub, "time_entry", hub_id=hub_id, worked_on=day)
        line(hub, "time_entry", hub_id=hub_id)

    assert hub.execute("SELECT about, says FROM work.guarded").fetchall() == [
        (
            "ledger thing may create",
            "closed period: the period of the work is closed; the lawful way is an adjustment in the next open period",
        )
    ]


def test_a_period_of_one_company_holds_only_its_own_time(hub):
    period(hub, "DE01/2026-05")
    for company in ("DE01", "UK01"):
        say(hub, "project", hub_id=f"J-{company}", legal_entity=company)
        say(hub, "time_entry", hub_id=company, worked_on="2026-05-04", project_id=f"J-{company}")
        line(hub, "time_entry", hub_id=company)

    assert [about for (about,) in hub.execute("SELECT about FROM work.guarded").fetchall()] == ["ledger thing DE01 create"]


def test_an_invoice_of_a_period_that_is_closing_is_held(hub):
    period(hub, status="closing")
    say(hub, "invoice", hub_id="X", issued_on="2026-05-02")
    line(hub, "invoice", field="due_on")

    assert held(hub) == ["closed period: the period of the invoice is closed"]


@pytest.mark.parametrize("of, system", [("project", "delivery"), ("contract", "ledger")])
def test_no_new_work_for_a_customer_on_credit_hold(hub, of, system):
    say(hub, "customer", hub_id="C", collections_status="credit_hold", tax_code="standard")
    say(hub, of, hub_id="X", customer_id="C", legal_entity="DE01")
    line(hub, of, system)
    line(hub, of, system, field="name")

    assert held(hub) == ["credit hold: its customer is on credit hold"]


def test_terms_of_a_customer_on_credit_hold_stay(hub):
    say(hub, "customer", hub_id="X", collections_status="credit_hold")
    for field in ("payment_terms", "phone"):
        line(hub, "customer", field=field)

    assert hub.execute("SELECT about FROM work.guarded").fetchall() == [("ledger thing 7 payment_terms",)]


def test_a_project_without_a_dimension_or_a_company_is_held(hub):
    say(hub, "project", hub_id="X", legal_entity="DE01")
    say(hub, "project", hub_id="Y", service_line="advisory")
    say(hub, "project", hub_id="Z", service_line="advisory", legal_entity="DE01")
    for hub_id in "XYZ":
        line(hub, "project", hub_id=hub_id)

    assert held(hub) == [
        "missing dimension: it has no service line, by which finance reports",
        "legal entity gap: none of our companies is named",
    ]


def test_an_order_for_a_customer_whose_tax_nobody_knows_is_held(hub):
    say(hub, "customer", hub_id="C")
    say(hub, "contract", hub_id="X", customer_id="C", legal_entity="DE01")
    line(hub, "contract")

    assert held(hub) == ["tax gap: how its customer is taxed is not known, neither by a tax code nor by a tax number"]


def test_a_guard_whose_fact_no_system_tells_does_not_hold(hub):
    hub.execute("DROP VIEW work.guarded; DROP TABLE golden.accounting_period")

    guards.lay(hub, guards.told(hub))

    assert held(hub) == []
    assert {tuple(missing) for each, missing in guards.untold(hub, guards.told(hub)).items() if each.name == "closed period"} == {
        ("accounting_period",)
    }


def test_a_guard_of_an_entity_that_there_is_not_stops_the_run(tmp_path: Path):
    file = tmp_path / "guards.yaml"
    file.write_text("- {name: a, of: money, in: erp, holds: 'TRUE', says: b, instead: c}\n")

    with pytest.raises(ConfigurationWrong, match="no entity money"):
        guards.read(file)
