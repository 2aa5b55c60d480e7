"""Our connector writes projects, hours and invoices to a real Tryton 8.2, read back through Tryton's own client, proteus."""

from decimal import Decimal

import pytest
from tryton_erp import INVOICE, LINE, PARTY, PROJECT, create, party, read, update

from hub.systems.connector import Write

pytestmark = pytest.mark.live


def test_a_project_is_created_and_updated(erp, tryton):
    customer = party(erp, "Alder & Brook GmbH")
    values = {
        "name": "Data room",
        "customer_ref": customer,
        "starts_on": "2026-01-05",
        "hourly_rate": Decimal("155.50"),
        "fee_model": "time_and_materials",
    }
    (made,) = erp.write(PROJECT, [create(PROJECT, values, hub_id="P-0099")])

    (changed,) = erp.write(PROJECT, [update(erp, PROJECT, made.record_id, {"name": "Data room 2", "ends_on": "2026-12-31"})])

    assert (made.state, changed.state) == ("acknowledged", "acknowledged")
    work = tryton.model("project.work")(int(made.record_id))
    assert (work.name, work.party.name, work.list_price, work.project_invoice_method) == (
        "Data room 2",
        "Alder & Brook GmbH",
        Decimal("155.50"),
        "timesheet",
    )
    assert (str(work.timesheet_start_date), str(work.timesheet_end_date)) == ("2026-01-05", "2026-12-31")
    assert erp.find(PROJECT, ["P-0099"]) == {"P-0099": [made.record_id]}


def test_hours_are_corrected_and_new_ones_added_with_the_hub_id_beside_the_note(erp, tryton):
    line = next(row for row in read(erp, LINE) if row["uuid"] == "18")
    (corrected,) = erp.write(LINE, [update(erp, LINE, str(line["id"]), {"hours": Decimal("7.5")})])
    new = {
        "worked_on": "2025-11-03",
        "hours": Decimal("1.25"),
        "note": "Handover",
        "project_ref": line["project"],
        "worker_ref": str(line["employee"]),
    }

    (added,) = erp.write(LINE, [create(LINE, new, hub_id="T-0061")])

    assert (corrected.state, added.state) == ("acknowledged", "acknowledged")
    Line = tryton.model("timesheet.line")
    assert Line(line["id"]).duration.total_seconds() == 7.5 * 3600
    assert (Line(int(added.record_id)).duration.total_seconds(), Line(int(added.record_id)).description) == (
        1.25 * 3600,
        "Handover concord:T-0061",
    )
    assert (erp.find(LINE, ["T-0061"]), erp.look(LINE, [added.record_id])[added.record_id].row["description"]) == (
        {"T-0061": [added.record_id]},
        "Handover",
    )


@pytest.mark.parametrize("each, model", [(PARTY, "party.party"), (PROJECT, "project.work"), (LINE, "timesheet.line")])
def test_a_record_that_was_there_before_us_takes_a_hub_id_and_later_another_one(erp, tryton, each, model):
    record_id = str(read(erp, each)[0]["id"])
    field = {"project.work": "comment", "timesheet.line": "description"}.get(model)
    if field:
        record = tryton.model(model)(int(record_id))
        setattr(record, field, "Words of a person")
        record.save()

    for hub_id in ("H-0001", "H-0002"):
        version = erp.look(each, [record_id])[record_id].version
        (outcome,) = erp.write(each, [Write("w", "update", record_id, hub_id, {"hub_id": hub_id}, version)])
        assert outcome.state == "acknowledged"

    assert erp.find(each, ["H-0001", "H-0002"]) == {"H-0002": [record_id]}
    if field:
        assert getattr(tryton.model(model)(int(record_id)), field) == "Words of a person concord:H-0002"


def test_a_draft_invoice_takes_another_date_and_tryton_itself_refuses_one_for_a_posted_invoice(erp, tryton):
    draft, posted = (next(row for row in read(erp, INVOICE) if row["state"] == state) for state in ("draft", "posted"))

    outcomes = [erp.write(INVOICE, [update(erp, INVOICE, str(row["id"]), {"issued_on": "2025-11-17"})])[0] for row in (draft, posted)]

    assert [outcome.state for outcome in outcomes] == ["acknowledged", "rejected"]
    assert "not allowed to modify" in outcomes[1].message
    Invoice = tryton.model("account.invoice")
    assert [str(Invoice(row["id"]).invoice_date) for row in (draft, posted)] == ["2025-11-17", posted["invoice_date"]]


def test_an_invoice_is_not_created(erp):
    (outcome,) = erp.write(INVOICE, [Write("w", "create", None, "I-1", {"invoice_date": "2025-11-17"})])

    assert (outcome.state, outcome.message) == ("rejected", "the hub does not create invoice in Tryton")
