"""The firm's organisations and people: customers with their groups and look-alikes, contacts, workers."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hub.twin import names, numbers

Row = dict[str, Any]  # canonical column -> value; a _ref column holds a truth id
Rows = dict[str, Row]  # truth id -> row

TODAY = date(2026, 11, 2)  # where the simulators' Clock starts
CENT = Decimal("0.01")
COUNTRIES = ("DE",) * 8 + ("AT", "AT", "CH", "CH", "FR", "FR", "GB", "GB", "GB", "US", "US", "NL")
CURRENCIES = {"CH": "CHF", "GB": "GBP", "US": "USD"}
LEGAL_ENTITIES = {"DE": "DE01", "AT": "DE01", "CH": "DE01", "FR": "DE01", "NL": "DE01", "GB": "UK01", "US": "US01"}
COST_CENTERS = ("CC-100", "CC-200", "CC-300", "CC-400")
TITLES = ("Head of Finance", "Accounts Payable", "Chief Information Officer", "Procurement Manager", "Project Sponsor")
JOBS = ("Consultant", "Senior Consultant", "Manager", "Architect", "Trainer")


def customers(seed: int, count: int) -> Rows:
    """Organisations: every sixth is a subsidiary of the one before, every seventh only looks like the one before."""
    draw = Random(f"{seed}:customers")
    return {f"customer-{number:04d}": row for number, row in enumerate(_organisations(draw, count), start=1)}


def contacts(seed: int, count: int, of: Rows) -> Rows:
    """People at customers, each customer with one first, the others anywhere."""
    draw = Random(f"{seed}:contacts")
    employers = list(of)[:count] + draw.choices(list(of), k=max(0, count - len(of)))
    rows = {f"contact-{number:04d}": _contact(draw, employer, of[employer]) for number, employer in enumerate(employers, start=1)}
    for number, row in enumerate(rows.values()):
        row["is_billing"] = number < len(of)
    return rows


def workers(seed: int, count: int) -> Rows:
    """People who deliver; every fifth is a contractor, every twelfth has left."""
    draw = Random(f"{seed}:workers")
    return {f"worker-{number:04d}": _worker(draw, number, name) for number, name in enumerate(names.people(draw, count), start=1)}


def priced(name: str, amount: Decimal | int | None, currency: str) -> Row:
    """The two columns of an amount of money."""
    return {name: None if amount is None else Decimal(amount).quantize(CENT), f"{name}_currency": None if amount is None else currency}


def _organisations(draw: Random, count: int) -> Iterator[Row]:
    stems, before = iter(names.stems(draw)), None
    for number in range(1, count + 1):
        if before and number % 6 == 0:
            named, parent = _subsidiary(draw, before), f"customer-{number - 1:04d}"
        elif before and number % 7 == 0:
            named, parent = _look_alike(draw, before), None
        else:
            named, parent = _organisation(draw, next(stems)), None
        yield _customer(draw, named, number / count, parent)
        before = named


def _organisation(draw: Random, stem: str) -> names.Organisation:
    country = draw.choice(COUNTRIES)
    return names.Organisation(stem, draw.choice(list(names.BRANCHES)), country, draw.choice(names.FORMS[country]))


def _subsidiary(draw: Random, parent: names.Organisation) -> names.Organisation:
    """The same stem and line of business in another country."""
    country = draw.choice([each for each in names.FORMS if each != parent.country])
    return names.Organisation(parent.stem, parent.industry, country, draw.choice(names.FORMS[country]))


def _look_alike(draw: Random, other: names.Organisation) -> names.Organisation:
    """An unrelated company of the same stem and country in another line of business."""
    return names.Organisation(
        other.stem, draw.choice([each for each in names.BRANCHES if each != other.industry]), other.country, other.form
    )


def _customer(draw: Random, named: names.Organisation, position: float, parent: str | None) -> Row:
    country = named.country
    domain = named.domain.replace(".example", f"-{country.lower()}.example") if parent else named.domain
    life_cycle = "prospect" if position > 0.8 else "closed" if position > 0.75 else "customer"
    return {
        "legal_name": named.legal_name,
        "trade_name": named.trade_name,
        "life_cycle": life_cycle,
        "tax_id": numbers.tax_id(draw, country),
        "registration_number": numbers.registration_number(draw, country),
        "website": domain,
        "phone": names.phone(draw, country),
        "email": f"{'office' if country == 'US' else 'info'}@{domain}",
        **{f"billing_address_{part}": value for part, value in names.address(draw, country).items()},
        "payment_terms": draw.choice(("net_30", "net_30", "net_30", "net_45", "net_60", "net_15")),
        "currency": CURRENCIES.get(country, "EUR"),
        "tax_code": {"DE": "standard", "GB": "standard", "US": "exempt", "CH": "zero"}.get(country, "reverse_charge"),
        **priced("credit_limit", draw.randrange(10, 200) * 1000, CURRENCIES.get(country, "EUR")),
        "collections_status": draw.choice(("current",) * 8 + ("overdue", "dispute")),
        "industry": named.industry,
        "legal_entity": LEGAL_ENTITIES[country],
        "parent_ref": parent,
    }


def _contact(draw: Random, employer: str, customer: Row) -> Row:
    name = names.person(draw)
    return {
        "full_name": name,
        "email": f"{names.slug(name).replace('-', '.')}@{customer['website']}",
        "phone": customer["phone"] + str(draw.randint(10, 99)) if customer["billing_address_country"] == "DE" else customer["phone"],
        "title": draw.choice(TITLES),
        "is_billing": False,
        "customer_ref": employer,
    }


def _worker(draw: Random, number: int, name: str) -> Row:
    left, started = number % 12 == 0, date(2018, 1, 1) + timedelta(days=draw.randrange(2900))
    return {
        "full_name": name,
        "employee_number": f"E{1000 + number}",
        "email": f"{names.slug(name).replace('-', '.')}@firm.example",
        "kind": "contractor" if number % 5 == 0 else "employee",
        "life_cycle": "left" if left else "active",
        "job_title": draw.choice(JOBS),
        "legal_entity": draw.choice(("DE01", "DE01", "UK01", "US01")),
        "cost_center": draw.choice(COST_CENTERS),
        "started_on": started,
        "ended_on": TODAY - timedelta(days=draw.randrange(3, 200)) if left else None,
    }
