"""What the firm's people do between two cycles, by script: each turn the same things every time."""

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from hub.twin import hours
from hub.twin.hands import People
from hub.twin.people import TODAY, Row
from hub.twin.views import View, object_of

if TYPE_CHECKING:
    from hub.twin.twin import Twin


def play(twin: "Twin", turn: int) -> list[str]:
    """Let people do what they do in a turn, 1 being the first; one sentence for each thing done.

    Four scripts take turns. What a person makes true becomes the truth; what then differs elsewhere is planted.
    """
    people = People(twin, Random(f"{twin.seed}:people:{turn}"), turn)
    return list(filter(None, (act(people) for act in SCRIPTS[(turn - 1) % len(SCRIPTS)])))


def _rep_renames_account(people: People) -> str | None:
    view = people.one("salesforce", "customer", life_cycle="customer")
    if view is None:
        return None
    people.change(view, legal_name=f"{view.values['legal_name'].split()[0]} Solutions")
    people.differs(people.twin.views[view.key], "legal_name")
    return f"a rep renamed account {view.truth_id}"


def _controller_changes_terms(people: People) -> str | None:
    view = people.one("netsuite", "customer", life_cycle="customer")
    if view is None:
        return None
    people.make_true(view, payment_terms="net_45" if view.values["payment_terms"] != "net_45" else "net_30")
    return f"a controller changed the payment terms of {view.truth_id}"


def _manager_moves_end(people: People) -> str | None:
    view = people.one("kantata", "project", status="active")
    if view is None:
        return None
    people.make_true(view, ends_on=view.values["ends_on"] + timedelta(days=14))
    return f"a project manager moved the end of {view.truth_id}"


def _accounts_merge(people: People) -> str | None:
    doubles = people.find("salesforce", "customer", copy=1)
    if not doubles:
        return None
    survivor = people.twin.views["salesforce", "customer", doubles[0].truth_id, 0]
    people.gone(doubles[0], into=survivor)
    people.twin.planted[:] = [
        each for each in people.twin.planted if (each.kind, each.system, each.truth_id) != ("duplicate", "salesforce", survivor.truth_id)
    ]
    return f"someone merged the two accounts of {survivor.truth_id}"


def _consultants_enter_time(people: People) -> str | None:
    projects = people.find("kantata", "project", status="active")
    if not projects:
        return None
    workers = people.find("kantata", "worker", life_cycle="active")
    for number in range(20):
        _enter(
            people, f"time-new-{people.turn:03d}-{number:02d}", people.draw.choice(projects).truth_id, people.draw.choice(workers).truth_id
        )
    return "consultants entered 20 time entries"


def _enter(people: People, key: str, project: str, worker: str) -> None:
    day = TODAY + timedelta(days=people.draw.randrange(5))
    row: Row = {
        "entry_number": key,
        "worked_on": day,
        "hours": hours.spent(people.draw),
        "hours_unit": "h",
        "status": "submitted",
        "is_billable": people.twin.truth["project"][project]["fee_model"] == "time_and_materials",
        "note": people.draw.choice(hours.NOTES),
        "project_ref": project,
        "worker_ref": worker,
    }
    people.twin.truth["time_entry"][key] = row
    each = object_of(people.twin.systems["kantata"], "time_entry")
    view = View("kantata", each.name, "time_entry", key, 0, {column: row[column] for column in each.columns() if column in row})
    people.twin.views[view.key] = view
    people.twin.seeding.create(view)


def _personnel_promotes(people: People) -> str | None:
    view = people.one("bamboohr", "worker", life_cycle="active")
    if view is None:
        return None
    people.make_true(view, job_title="Principal")
    return f"personnel promoted {view.truth_id}"


def _rep_deletes_contact(people: People) -> str | None:
    view = people.one("salesforce", "contact")
    if view is None:
        return None
    people.gone(view)
    return f"a rep deleted {view.truth_id}"


def _controller_posts_invoice(people: People) -> str | None:
    view = people.one("netsuite", "invoice", status="draft")
    if view is None:
        return None
    people.make_true(view, status="posted")
    people.missing("salesforce", "invoice", view.truth_id)
    return f"a controller posted {view.truth_id}"


def _customer_pays(people: People) -> str | None:
    view = people.one("netsuite", "invoice", status="posted")
    if view is None:
        return None
    people.make_true(view, status="paid", amount_open=view.values["amount_open"] * 0)
    return f"a customer paid {view.truth_id}"


def _managers_approve_time(people: People) -> str | None:
    waiting = people.find("kantata", "time_entry", status="submitted")
    for view in waiting[:30]:
        people.make_true(view, status="approved")
        people.missing("netsuite", "time_entry", view.truth_id)
    return f"managers approved {len(waiting[:30])} time entries" if waiting else None


SCRIPTS = (
    (_rep_renames_account, _controller_changes_terms, _manager_moves_end),
    (_accounts_merge, _consultants_enter_time, _personnel_promotes),
    (_rep_deletes_contact, _controller_posts_invoice, _customer_pays),
    (_managers_approve_time, _rep_renames_account, _consultants_enter_time),
)
