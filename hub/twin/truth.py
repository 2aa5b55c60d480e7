"""The truth about an invented professional-services firm: every fact, once, from one seed.

Nobody in it exists: no company, person, number or domain is meant to be real. The same seed and scale give the
same truth in every process, on every day; the firm's today is 2 November 2026.
"""

from hub.twin import hours, money, people, work
from hub.twin.people import Rows

SIZES = {"customer": 150, "contact": 250, "worker": 60, "opportunity": 120, "contract": 90, "project": 80, "time_entry": 2500}
SMALLEST = {"customer": 24, "contact": 24, "worker": 12, "opportunity": 40, "contract": 30, "project": 24, "time_entry": 60}


def truth(seed: int, scale: float = 1.0) -> dict[str, Rows]:
    """Every fact of the firm: {entity: {truth id: {canonical column: value}}}.

    References are truth ids. At scale 1 there are 150 customers, 80 projects, 2,500 time entries and about 300 invoices.
    """
    size = {entity: max(SMALLEST[entity], round(base * scale)) for entity, base in SIZES.items()}
    customers = people.customers(seed, size["customer"])
    workers = people.workers(seed, size["worker"])
    opportunities = work.opportunities(seed, size["opportunity"], customers)
    contracts = work.contracts(seed, size["contract"], opportunities, customers)
    projects = work.projects(seed, size["project"], contracts, workers)
    time_entries = hours.time_entries(seed, size["time_entry"], projects, workers)
    return {
        "customer": customers,
        "worker": workers,
        "contact": people.contacts(seed, size["contact"], customers),
        "opportunity": opportunities,
        "contract": contracts,
        "project": projects,
        "time_entry": time_entries,
        "invoice": money.invoices(projects, customers, time_entries),
    }
