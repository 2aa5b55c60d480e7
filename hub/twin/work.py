"""What the firm sells and delivers: opportunities, contracts, projects and the hours of the last three months."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hub.twin.people import TODAY, Row, Rows, priced

SERVICE_LINES = ("advisory", "implementation", "implementation", "managed_services", "training")
FEE_MODELS = ("time_and_materials",) * 6 + ("fixed_fee", "fixed_fee", "retainer")
SUBJECTS = ("ERP rollout", "Data platform", "Process review", "Cloud move", "Service desk", "Reporting", "Security audit", "CRM introduction")
NOTES = ("Workshop", "Design", "Configuration", "Testing", "Documentation", "Support", "Steering committee")
FIRST_DAY = date(2026, 8, 3)


def opportunities(seed: int, count: int, customers: Rows) -> Rows:
    """Half won by customers, the rest open or lost; what is open or lost is mostly a prospect's."""
    draw = Random(f"{seed}:opportunities")
    buyers = [key for key, row in customers.items() if row["life_cycle"] == "customer"]
    prospects = [key for key, row in customers.items() if row["life_cycle"] == "prospect"]
    served = buyers[:max(1, count * 45 // 100)]
    rows = {}
    for number in range(1, count + 1):
        won = number <= count // 2
        customer = served[(number - 1) % len(served)] if won else draw.choice(prospects + buyers[:len(buyers) // 3])
        stage = "won" if won else "open" if number <= count * 8 // 10 else "lost"
        rows[f"opportunity-{number:04d}"] = _opportunity(draw, number, stage, customer, customers[customer])
    return rows


def contracts(seed: int, count: int, opportunities: Rows, customers: Rows) -> Rows:
    """A statement of work for each won opportunity under the customer's master agreement, then amendments, `count` in all."""
    draw = Random(f"{seed}:contracts")
    won = [key for key, row in opportunities.items() if row["stage"] == "won"]
    masters = list(dict.fromkeys(opportunities[key]["customer_ref"] for key in won))[:max(1, count * 2 // 9)]
    rows = {f"msa-{number:04d}": _master(draw, number, customer, customers[customer]) for number, customer in enumerate(masters, start=1)}
    for number, key in enumerate(won, start=1):
        sale = opportunities[key]
        rows[f"sow-{number:04d}"] = _statement(draw, number, number / len(won), key, sale, customers[sale["customer_ref"]])
    signed = [key for key, row in rows.items() if row["kind"] == "sow" and row["status"] == "signed"]
    for number, key in enumerate(signed[:max(0, count - len(rows))], start=1):
        rows[f"amendment-{number:04d}"] = _amendment(number, rows[key])
    return rows


def projects(seed: int, count: int, contracts: Rows, workers: Rows) -> Rows:
    """One project for each signed or ended statement of work, then second phases of the first ones, `count` in all."""
    draw = Random(f"{seed}:projects")
    agreed = [key for key, row in contracts.items() if row["kind"] == "sow" and row["status"] != "draft"]
    begun = [key for key in agreed if contracts[key]["starts_on"] <= TODAY]
    managers = [key for key, row in workers.items() if row["life_cycle"] == "active" and row["kind"] == "employee"]
    of = (agreed + begun)[:count]  # a second phase comes after all first ones
    return {f"project-{number:04d}": _project(number, 1 + (number > len(agreed)), key, contracts[key], draw.choice(managers))
            for number, key in enumerate(of, start=1)}


def time_entries(seed: int, count: int, projects: Rows, workers: Rows) -> Rows:
    """Hours on projects that ran on the day, one entry a worker and day; amendments and billing follow from the project."""
    draw = Random(f"{seed}:time_entries")
    running = [key for key, row in projects.items() if row["status"] in ("active", "closed")]
    people = [key for key, row in workers.items() if row["life_cycle"] == "active"]
    teams = {person: draw.sample(running, min(3, len(running))) for person in people}
    days = [(day, person) for day in _weekdays(FIRST_DAY, TODAY - timedelta(days=3)) for person in people]
    chosen = sorted(draw.sample(range(len(days)), min(count, len(days))))
    rows = {}
    for number, (day, person) in enumerate((days[index] for index in chosen), start=1):
        on = [key for key in teams[person] if projects[key]["starts_on"] <= day <= projects[key]["ends_on"]]
        key = draw.choice(on or [each for each in running if projects[each]["starts_on"] <= day <= projects[each]["ends_on"]])
        rows[f"time-{number:05d}"] = _time_entry(draw, number, day, key, projects[key], person)
    return rows


def _opportunity(draw: Random, number: int, stage: str, customer: str, of: Row) -> Row:
    decided = date(2025, 11, 1) + timedelta(days=draw.randrange(330))
    expected = TODAY + timedelta(days=draw.randrange(5, 150))
    return {
        "number": f"OPP-{26000 + number}", "name": f"{of['trade_name']} {draw.choice(SUBJECTS)}", "stage": stage,
        **priced("amount", draw.randrange(20, 400) * 1000, of["currency"]), "closes_on": expected if stage == "open" else decided,
        "service_line": draw.choice(SERVICE_LINES), "legal_entity": of["legal_entity"], "customer_ref": customer,
    }


def _master(draw: Random, number: int, customer: str, of: Row) -> Row:
    signed_on = date(2024, 1, 8) + timedelta(days=draw.randrange(500))
    return {
        "number": f"MSA-{2000 + number}", "title": f"Master services agreement {of['trade_name']}", "kind": "msa", "status": "signed",
        "signed_on": signed_on, "starts_on": signed_on, "ends_on": date(2028, 12, 31),
        **priced("amount", None, ""), **priced("hourly_rate", None, ""),
        "fee_model": None, "payment_terms": of["payment_terms"], "service_line": None, "legal_entity": of["legal_entity"],
        "opportunity_ref": None, "customer_ref": customer,
    }


def _statement(draw: Random, number: int, position: float, opportunity: str, sale: Row, of: Row) -> Row:
    """The first tenth is ended, the last twentieth not yet signed, the seventh before that signed but not begun."""
    status = "ended" if position <= 0.1 else "draft" if position > 0.95 else "signed"
    begun = date(2026, 1, 5) + timedelta(days=7 * draw.randrange(9 if status == "ended" else 30))
    starts_on = date(2026, 11, 16) if position > 0.8 else begun
    ends_on = date(2026, 8, 31) if status == "ended" else starts_on + timedelta(days=7 * draw.randrange(44, 70))
    return {
        "number": f"SOW-{26000 + number}", "title": sale["name"], "kind": "sow", "status": status,
        "signed_on": None if status == "draft" else min(sale["closes_on"], starts_on) - timedelta(days=3), "starts_on": starts_on, "ends_on": ends_on,
        **priced("amount", sale["amount"], of["currency"]), **priced("hourly_rate", draw.randrange(90, 220, 5), of["currency"]),
        "fee_model": draw.choice(FEE_MODELS), "payment_terms": of["payment_terms"], "service_line": sale["service_line"],
        "legal_entity": sale["legal_entity"], "opportunity_ref": opportunity, "customer_ref": sale["customer_ref"],
    }


def _amendment(number: int, statement: Row) -> Row:
    """More money on the same terms; the statement keeps its rate, so that truth has one rate a statement."""
    return statement | {
        "number": f"{statement['number']}-A1", "title": f"{statement['title']}, amendment {number}", "kind": "amendment",
        "signed_on": statement["signed_on"] + timedelta(days=40), "starts_on": statement["starts_on"] + timedelta(days=45),
        **priced("amount", 5000 + 500 * number, statement["amount_currency"]),
    }


def _project(number: int, phase: int, key: str, contract: Row, manager: str) -> Row:
    status = "closed" if contract["status"] == "ended" else "planned" if contract["starts_on"] > TODAY else "active"
    same = ("starts_on", "ends_on", "hourly_rate", "hourly_rate_currency", "fee_model", "service_line", "legal_entity", "customer_ref")
    return {
        "code": f"P{26000 + number}", "name": f"{contract['title']}, phase {phase}", "status": status,
        **priced("budget", contract["amount"], contract["amount_currency"]), **{column: contract[column] for column in same},
        "contract_ref": key, "manager_ref": manager,
    }


def _time_entry(draw: Random, number: int, day: date, key: str, project: Row, worker: str) -> Row:
    """August and September are settled, October is in the works."""
    billable = project["fee_model"] == "time_and_materials" and draw.random() > 0.08
    status = "approved" if day < date(2026, 10, 26) else draw.choice(("submitted", "submitted", "draft"))
    if billable and status == "approved" and billed(key, day):
        status = "invoiced"
    return {"entry_number": f"T{number:05d}", "worked_on": day, "hours": hours(draw), "hours_unit": "h", "status": status,
            "is_billable": billable, "note": draw.choice(NOTES), "project_ref": key, "worker_ref": worker}


def hours(draw: Random) -> Decimal:
    """Between two and eight hours, in quarters."""
    return Decimal(draw.randrange(8, 33)) / 4


def billed(project: str, day: date) -> bool:
    """Whether a project's approved hours of a day are on an invoice: all until September, October's of every other project."""
    return day < date(2026, 10, 1) or int(project[-1]) % 2 == 0


def month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _weekdays(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)
