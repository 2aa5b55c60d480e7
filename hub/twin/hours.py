"""The hours of the last three months, and which of them are billed."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hub.twin.people import TODAY, Row, Rows

NOTES = ("Workshop", "Design", "Configuration", "Testing", "Documentation", "Support", "Steering committee")
FIRST_DAY = date(2026, 8, 3)


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


def _time_entry(draw: Random, number: int, day: date, key: str, project: Row, worker: str) -> Row:
    """August and September are settled, October is in the works."""
    billable = project["fee_model"] == "time_and_materials" and draw.random() > 0.08
    status = "approved" if day < date(2026, 10, 26) else draw.choice(("submitted", "submitted", "draft"))
    if billable and status == "approved" and billed(key, day):
        status = "invoiced"
    return {
        "entry_number": f"T{number:05d}",
        "worked_on": day,
        "hours": spent(draw),
        "hours_unit": "h",
        "status": status,
        "is_billable": billable,
        "note": draw.choice(NOTES),
        "project_ref": key,
        "worker_ref": worker,
    }


def spent(draw: Random) -> Decimal:
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
