"""What the firm sells and agrees on: opportunities, contracts and projects."""

from datetime import date, timedelta
from random import Random

from hub.twin.people import TODAY, Row, Rows, priced

SERVICE_LINES = ("advisory", "implementation", "implementation", "managed_services", "training")
FEE_MODELS = ("time_and_materials",) * 6 + ("fixed_fee", "fixed_fee", "retainer")
SUBJECTS = (
    "ERP rollout",
    "Data platform",
    "Process review",
    "Cloud move",
    "Service desk",
    "Reporting",
    "Security audit",
    "CRM introduction",
)


def opportunities(seed: int, count: int, customers: Rows) -> Rows:
    """Half won by customers, the rest open or lost; what is open or lost is mostly a prospect's."""
    draw = Random(f"{seed}:opportunities")
    buyers = [key for key, row in customers.items() if row["life_cycle"] == "customer"]
    prospects = [key for key, row in customers.items() if row["life_cycle"] == "prospect"]
    served = buyers[: max(1, count * 45 // 100)]
    rows = {}
    for number in range(1, count + 1):
        won = number <= count // 2
        customer = served[(number - 1) % len(served)] if won else draw.choice(prospects + buyers[: len(buyers) // 3])
        stage = "won" if won else "open" if number <= count * 8 // 10 else "lost"
        rows[f"opportunity-{number:04d}"] = _opportunity(draw, number, stage, customer, customers[customer])
    return rows


def contracts(seed: int, count: int, opportunities: Rows, customers: Rows) -> Rows:
    """A statement of work for each won opportunity under the customer's master agreement, then amendments, `count` in all."""
    draw = Random(f"{seed}:contracts")
    won = [key for key, row in opportunities.items() if row["stage"] == "won"]
    masters = list(dict.fromkeys(opportunities[key]["customer_ref"] for key in won))[: max(1, count * 2 // 9)]
    rows = {f"msa-{number:04d}": _master(draw, number, customer, customers[customer]) for number, customer in enumerate(masters, start=1)}
    master_of = {row["customer_ref"]: key for key, row in rows.items()}
    for number, key in enumerate(won, start=1):
        sale = opportunities[key]
        statement = _statement(draw, number, number / len(won), key, sale, customers[sale["customer_ref"]])
        rows[f"sow-{number:04d}"] = statement | {"parent_ref": master_of.get(sale["customer_ref"])}
    signed = [key for key, row in rows.items() if row["kind"] == "sow" and row["status"] == "signed"]
    for number, key in enumerate(signed[: max(0, count - len(rows))], start=1):
        rows[f"amendment-{number:04d}"] = _amendment(number, rows[key]) | {"parent_ref": key}
    return rows


def projects(seed: int, count: int, contracts: Rows, workers: Rows) -> Rows:
    """One project for each signed or ended statement of work, then second phases of the first ones, `count` in all."""
    draw = Random(f"{seed}:projects")
    agreed = [key for key, row in contracts.items() if row["kind"] == "sow" and row["status"] != "draft"]
    begun = [key for key in agreed if contracts[key]["starts_on"] <= TODAY]
    managers = [key for key, row in workers.items() if row["life_cycle"] == "active" and row["kind"] == "employee"]
    of = (agreed + begun)[:count]  # a second phase comes after all first ones
    return {
        f"project-{number:04d}": _project(number, 1 + (number > len(agreed)), key, contracts[key], draw.choice(managers))
        for number, key in enumerate(of, start=1)
    }


def _opportunity(draw: Random, number: int, stage: str, customer: str, of: Row) -> Row:
    decided = date(2025, 11, 1) + timedelta(days=draw.randrange(330))
    expected = TODAY + timedelta(days=draw.randrange(5, 150))
    return {
        "number": f"OPP-{26000 + number}",
        "name": f"{of['trade_name']} {draw.choice(SUBJECTS)}",
        "stage": stage,
        **priced("amount", draw.randrange(20, 400) * 1000, of["currency"]),
        "closes_on": expected if stage == "open" else decided,
        "service_line": draw.choice(SERVICE_LINES),
        "legal_entity": of["legal_entity"],
        "customer_ref": customer,
    }


def _master(draw: Random, number: int, customer: str, of: Row) -> Row:
    signed_on = date(2024, 1, 8) + timedelta(days=draw.randrange(500))
    return {
        "number": f"MSA-{2000 + number}",
        "title": f"Master services agreement {of['trade_name']}",
        "kind": "msa",
        "status": "signed",
        "signed_on": signed_on,
        "starts_on": signed_on,
        "ends_on": date(2028, 12, 31),
        **priced("amount", None, ""),
        **priced("hourly_rate", None, ""),
        "fee_model": None,
        "payment_terms": of["payment_terms"],
        "service_line": None,
        "legal_entity": of["legal_entity"],
        "opportunity_ref": None,
        "customer_ref": customer,
        "parent_ref": None,
    }


def _statement(draw: Random, number: int, position: float, opportunity: str, sale: Row, of: Row) -> Row:
    """The first tenth is ended, the last twentieth not yet signed, the seventh before that signed but not begun."""
    status = "ended" if position <= 0.1 else "draft" if position > 0.95 else "signed"
    begun = date(2026, 1, 5) + timedelta(days=7 * draw.randrange(9 if status == "ended" else 30))
    starts_on = date(2026, 11, 16) if position > 0.8 else begun
    ends_on = date(2026, 8, 31) if status == "ended" else starts_on + timedelta(days=7 * draw.randrange(44, 70))
    return {
        "number": f"SOW-{26000 + number}",
        "title": sale["name"],
        "kind": "sow",
        "status": status,
        "signed_on": None if status == "draft" else min(sale["closes_on"], starts_on) - timedelta(days=3),
        "starts_on": starts_on,
        "ends_on": ends_on,
        **priced("amount", sale["amount"], of["currency"]),
        **priced("hourly_rate", draw.randrange(90, 220, 5), of["currency"]),
        "fee_model": draw.choice(FEE_MODELS),
        "payment_terms": of["payment_terms"],
        "service_line": sale["service_line"],
        "legal_entity": sale["legal_entity"],
        "opportunity_ref": opportunity,
        "customer_ref": sale["customer_ref"],
    }


def _amendment(number: int, statement: Row) -> Row:
    """More money on the same terms; the statement keeps its rate, so that truth has one rate a statement."""
    return statement | {
        "number": f"{statement['number']}-A1",
        "title": f"{statement['title']}, amendment {number}",
        "kind": "amendment",
        "signed_on": statement["signed_on"] + timedelta(days=40),
        "starts_on": statement["starts_on"] + timedelta(days=45),
        **priced("amount", 5000 + 500 * number, statement["amount_currency"]),
    }


def _project(number: int, phase: int, key: str, contract: Row, manager: str) -> Row:
    status = "closed" if contract["status"] == "ended" else "planned" if contract["starts_on"] > TODAY else "active"
    same = ("starts_on", "ends_on", "hourly_rate", "hourly_rate_currency", "fee_model", "service_line", "legal_entity", "customer_ref")
    return {
        "code": f"P{26000 + number}",
        "name": f"{contract['title']}, phase {phase}",
        "status": status,
        **priced("budget", contract["amount"], contract["amount_currency"]),
        **{column: contract[column] for column in same},
        "contract_ref": key,
        "manager_ref": manager,
    }
