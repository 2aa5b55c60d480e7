"""Confirms what was pushed, keeps the cases, makes the plan, and pushes what is approved."""

from dataclasses import dataclass
from decimal import Decimal

from hub import controls, store
from hub.errors import HubError
from hub.firm import Firm
from hub.journal import Journal
from reconcile import cases, exceptions, in_force, lease, plan, policies, push, settle
from reconcile.exceptions import Trouble
from reconcile.in_force import InForce


@dataclass(frozen=True)
class Planned:
    """The plan of a turn, and what became of what was pushed before."""

    hash: str
    planned: int
    approved: int
    needs_consent: int
    held: int
    opened: int
    closed: int
    confirmed: int
    unconfirmed: int
    discrepancies: dict[str, int]
    at_stake: dict[str, Decimal]


def make_plan(firm: Firm, journal: Journal) -> Planned:
    """Confirm, note which discrepancies are new and gone, and seal the plan."""
    judged, waiting = in_force.kept(journal, proposed(firm))
    with store.writing(firm.hub_file) as connection:
        settled = settle.confirm(connection, journal)
        exceptions.close_over(connection, journal)
        opened, closed = cases.keep(connection, journal)
        exceptions.settle(connection, journal, "controls", ("controls",), waiting)
        sealed, lines = plan.make(connection, journal, judged)
        classes = dict(connection.execute("SELECT class, count(*) FROM discrepancy.found GROUP BY class ORDER BY class").fetchall())
        money = dict(connection.execute("SELECT currency, money FROM mart.at_stake ORDER BY currency").fetchall())
    return Planned(
        sealed,
        lines.total(),
        lines["approved"],
        lines["needs_consent"],
        lines["held"],
        opened,
        closed,
        settled.get("confirmed", 0),
        settled.get("unconfirmed", 0),
        classes,
        money,
    )


def proposed(firm: Firm) -> InForce:
    """The controls and policies that the firm's files propose."""
    roles = {name: member.system.role for name, member in firm.systems.items()}
    return in_force.proposed(controls.read(firm.controls), policies.read(firm.policies), roles)


def push_system(firm: Firm, name: str, journal: Journal, worker: str = lease.WORKER) -> dict[str, int]:
    """Settle what is in doubt in one system, then push its approved lines; counts by outcome. An unreachable system is an exception."""
    member, found = firm.systems[name], []
    connector = member.connect()
    counts: dict[str, int] = {}
    try:
        with store.writing(firm.hub_file) as connection:
            try:
                settle.settle(connection, journal, member.system, connector, worker)
                counts = push.push(connection, journal, member.system, connector, worker)
            except HubError as failure:
                found.append(Trouble("push", f"{name} push", str(failure), "engineer"))
            exceptions.settle(connection, journal, f"{name} push", ("push",), found)
    finally:
        connector.close()
    return counts
