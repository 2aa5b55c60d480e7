"""The firm's invoices: hours by project and month, milestones of fixed fees, retainers by month."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from hub.twin.hours import month_end
from hub.twin.people import CENT, TODAY, Row, Rows, priced

DAYS = {"due_now": 0, "net_15": 15, "net_30": 30, "net_45": 45, "net_60": 60, "net_90": 90}
# Full rates of the countries of our own legal entities; what is not `standard` bears no tax in the twin.
RATES = {"DE01": Decimal("0.19"), "UK01": Decimal("0.20")}


def invoices(projects: Rows, customers: Rows, time_entries: Rows) -> Rows:
    """Every invoice, oldest first. One of a time-and-materials project sums up that project's invoiced hours of its month."""
    hours = invoiced_hours(time_entries)
    due = sorted((day, key, net) for key, project in projects.items() for day, net in _due(key, project, hours))
    return {
        f"invoice-{number:04d}": _invoice(number, day, net, key, projects[key], customers[projects[key]["customer_ref"]])
        for number, (day, key, net) in enumerate(due, start=1)
    }


def invoiced_hours(time_entries: Rows) -> dict[tuple[str, date], Decimal]:
    """Hours on invoices, {(project, last day of the month): hours}."""
    sums: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for row in time_entries.values():
        if row["status"] == "invoiced":
            sums[row["project_ref"], month_end(row["worked_on"])] += row["hours"]
    return dict(sums)


def tax_rate(customer: Row) -> Decimal:
    """The share of tax on top of a net amount."""
    return RATES.get(customer["legal_entity"], Decimal(0)) if customer["tax_code"] == "standard" else Decimal(0)


def _due(key: str, project: Row, hours: dict[tuple[str, date], Decimal]) -> Iterator[tuple[date, Decimal]]:
    """The net amounts that a project demands, and when."""
    if project["fee_model"] == "time_and_materials":
        billed = _archived(key, project) | {month: sum_ for (of, month), sum_ in hours.items() if of == key}
        yield from ((month, (each * project["hourly_rate"]).quantize(CENT)) for month, each in billed.items())
    elif project["fee_model"] == "fixed_fee":
        step = (project["ends_on"] - project["starts_on"]) / 8
        milestones = [project["starts_on"] + number * step for number in range(8)]
        yield from ((day, (project["budget"] / 8).quantize(CENT)) for day in milestones if day <= TODAY)
    else:
        yield from (
            (month, (project["budget"] / 12).quantize(CENT)) for month in _months(project["starts_on"], min(TODAY, project["ends_on"]))
        )


def _archived(key: str, project: Row) -> dict[date, Decimal]:
    """Hours billed in the two months before those that the twin keeps; their time entries are archived."""
    months = [month for month in (date(2026, 6, 30), date(2026, 7, 31)) if month >= month_end(project["starts_on"])]
    return {month: Decimal(60 + 4 * int(key[-2:])) for month in months}


def _months(first: date, last: date) -> Iterator[date]:
    """The ends of the months from one day to another."""
    month = month_end(first)
    while month <= last:
        yield month
        month = month_end(month + timedelta(days=1))


def _invoice(number: int, day: date, net: Decimal, key: str, project: Row, customer: Row) -> Row:
    """October's is a draft, what fell due three weeks ago is paid, the rest is posted."""
    total = (net * (1 + tax_rate(customer))).quantize(CENT)
    due_on = day + timedelta(days=DAYS[customer["payment_terms"]])
    status = "draft" if day >= date(2026, 10, 26) else "paid" if due_on < TODAY - timedelta(days=21) else "posted"
    return {
        "number": f"INV-{26000 + number}",
        "status": status,
        "issued_on": day,
        "due_on": due_on,
        **priced("amount", total, project["budget_currency"]),
        **priced("amount_open", 0 if status == "paid" else total, project["budget_currency"]),
        "customer_ref": project["customer_ref"],
        "project_ref": key,
        "contract_ref": project["contract_ref"],
    }
