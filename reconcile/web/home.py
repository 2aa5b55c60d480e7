"""The start page: the last cycle, what waits for whom, money at stake; and the report."""

from typing import Any

from reconcile import report as reports
from reconcile.web.desk import Desk, Page

READS = """
SELECT system, max(taken_at)::TIMESTAMP AS taken_at, count(DISTINCT object) AS objects FROM capture.snapshot GROUP BY system ORDER BY system"""
STAKE = """
SELECT f.class, f.currency, count(*) AS discrepancies, sum(f.money) AS money, min(c.opened_at) AS oldest_at
FROM discrepancy.found AS f
LEFT JOIN journal.open_case AS c ON c.id = f.id
WHERE f.id NOT IN (SELECT discrepancy_id FROM waiver)
GROUP BY f.class, f.currency ORDER BY f.class, f.currency"""
PUSHES = "SELECT state, count(*) AS lines FROM journal.push GROUP BY state ORDER BY state"


def page(desk: Desk) -> Page:
    plan = {row["state"]: row for row in desk.rows("SELECT state, count(*) AS lines FROM line GROUP BY state")}
    owners = desk.rows("""SELECT owner, count(*) AS exceptions, min(opened_at) AS oldest_at FROM exception
      GROUP BY owner ORDER BY exceptions DESC, owner""")
    waivers = desk.one("SELECT count(*) AS waived FROM waiver")
    return Page(
        "home.html",
        {
            "reads": desk.rows(READS),
            "stake": desk.rows(STAKE),
            "pushes": desk.rows(PUSHES),
            "owners": owners,
            "waived": waivers["waived"],
            "waiting": waiting(desk),
            "plan": {state: row["lines"] for state, row in plan.items()},
            "consent": _consent(desk),
        },
    )


def waiting(desk: Desk) -> list[dict[str, Any]]:
    """Entities with pairs that a steward is asked about, the most first."""
    resolved = [name for name in desk.rules.entities if desk.rules.is_matched(name)]
    counts = [
        desk.one(f"""
      SELECT '{name}' AS entity, count(*) AS pairs FROM work.question AS p
      WHERE p.entity = '{name}' AND NOT EXISTS (SELECT 1 FROM decision AS d WHERE d.left_ref = p.left_ref AND d.right_ref = p.right_ref)
      """)
        for name in resolved
    ]
    again = desk.rows("SELECT o.entity, count(*) AS pairs FROM work.reopened AS o JOIN decision AS d ON d.seq = o.seq GROUP BY o.entity")
    for each in counts:
        each["pairs"] += sum(row["pairs"] for row in again if row["entity"] == each["entity"])
    return sorted(counts, key=lambda each: (-each["pairs"], each["entity"]))


def _consent(desk: Desk) -> list[dict[str, Any]]:
    """Money in the lines that wait for consent, by currency."""
    return desk.rows("""SELECT currency, sum(money) AS money FROM line WHERE state = 'needs_consent' AND money IS NOT NULL
      GROUP BY currency ORDER BY currency""")


def report(desk: Desk) -> str:
    """The report of the newest cut, as its own page."""
    return reports.html(desk.connection)
