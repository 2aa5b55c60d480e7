"""The firm on which controls are proved: two systems of the invented firm and a calendar of closed periods, with lines of every kind in its plan."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

from assets import correct, observe, understand
from hub import controls, firm, journal, ownership, store
from hub.journal import Event
from hub.twin.twin import Twin
from reconcile import correction, in_force, plan, policies
from reconcile.plan import Line, Plan

SYSTEMS = ("salesforce", "netsuite")
CONTROLLERS = ("Carla Conti", "Ben Beck")
CONTROLS = {
    "people": {"controller": list(CONTROLLERS)},
    "four_eyes": {"classes": ["sensitive"]},
    "valid_days": 10,
    "windows": {"erp": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "19:00"}},
    "timezone": "Europe/Berlin",
}
PERIODS = """\
system: periods
connector: files
role: calendar
auth: {kind: none, secrets: []}
nested: false
objects:
  periods:
    is: accounting_period
    key: Period
    read: {pattern: "periods*.csv"}
    fields: {number: Period, starts_on: From, ends_on: To, status: {from: Status, codes: {O: open, C: closed}}}
"""
# Sales say when an invoice is due in this firm, so that there is something to write to an invoice in the ledger.
SALES_SAY = ("due_on: {owner: erp, else: [crm], mirror: [crm]}", "due_on: {owner: crm, else: [erp], mirror: [erp]}")
STATE = ("hub.duckdb", "journal.sqlite")


class Stage:
    """The firm with its plan. Every attempt begins with it as it was at first: `again`.

    lines  {what: a line of the plan}: plain, other (both wait for consent), own (rests on a pin of Carla Conti), eyes
           (needs two persons), posted and closed (held by finance), ledger (to the ledger, consented to by a policy)
    """

    def __init__(self, folder: Path):
        self.at = _office_hours()
        self.twin = Twin(7, 0.1, SYSTEMS)
        self.twin.start()
        self.folder = folder
        self._settings()
        self.firm = firm.read(folder)
        self.open()
        self._first_plan()
        self.close_journal()
        (folder / "kept").mkdir()
        self._copy(self.firm.state, folder / "kept")
        self.open()

    def clock(self) -> datetime:
        return self.at

    def open(self) -> None:
        self.journal = journal.open(self.firm.journal, self.clock)

    def close_journal(self) -> None:
        self.journal.close()

    def close(self) -> None:
        self.close_journal()
        self.twin.stop()

    def again(self) -> None:
        """Put hub, journal, files and clock back to what they were at first."""
        self.close_journal()
        for name in STATE:
            for beside in self.firm.state.glob(f"{name}*"):
                beside.unlink()
        self._copy(self.folder / "kept", self.firm.state)
        self._settings()
        self.at = _office_hours()
        self.open()

    def systems_say(self) -> str:
        """All records of all systems, as text."""
        return repr({name: {key: table.rows for key, table in each.tables.items()} for name, each in self.twin.simulators.items()})

    # What attempts are made of

    def consent(self, line: Line, actor: str = CONTROLLERS[1], **body: Any) -> None:
        self.note("plan.approved", "plan", actor, lines=[line.line_id], **body)

    def consent_at(self, line: Line, away: timedelta) -> None:
        self.note("plan.approved", "plan", CONTROLLERS[1], self.at + away, lines=[line.line_id])

    def note(self, kind: str, subject: str, actor: str = "hub", at: datetime | None = None, /, **body: Any) -> None:
        self.journal.append([Event(kind, subject, body, actor, at)])

    def intend(self, line: Line, push_id: str = "P-1", at: datetime | None = None, **other: Any) -> None:
        """Record that a line is about to be sent, as the pusher does."""
        said = correction.intent(correction.Correction(push_id, (line,)))
        self.journal.append([Event(said.kind, said.subject, said.body | other, said.actor, at)])

    def outcome(self, state: str, push_id: str = "P-1") -> None:
        self.note("push.outcome", push_id, state=state, record_id=None, message=None)

    def trouble(self, line: Line, kind: str = "dead_letter", message: str = "gave up") -> None:
        self.note("exception.opened", f"{kind}:{line.about}", kind=kind, about=line.about, message=message, owner=line.system)

    def hub(self, work: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        with store.writing(self.firm.hub_file) as connection:
            return work(connection)

    def plan(self) -> Plan:
        return self.hub(plan.read)

    def in_force(self) -> dict[str, Any]:
        return in_force.now(self.journal).body

    def plan_again(self) -> Plan:
        correct.make_plan(self.firm, self.journal)
        return self.plan()

    def push(self) -> None:
        for name in SYSTEMS:
            correct.push_system(self.firm, name, self.journal)

    def write(self, name: str, content: Any) -> None:
        """Edit a rule file of the firm."""
        (self.folder / name).write_text(yaml.safe_dump(content))
        _forget()

    # How it is made

    def _settings(self) -> None:
        _forget()
        self.twin.write_project(self.folder)
        (self.folder / "periods").mkdir(exist_ok=True)
        (self.folder / "periods" / "system.yaml").write_text(PERIODS)
        day = self._drafts()[0][1]["tranDate"]
        (self.folder / "drop" / "periods.csv").write_text(f"Period,From,To,Status\nclosed,{day},{day},C\n")
        (self.folder / "ownership.yaml").write_text(ownership.FILE.read_text().replace(*SALES_SAY))
        (self.folder / "controls.yaml").write_text(yaml.safe_dump(CONTROLS))
        (self.folder / "policies.yaml").write_text(firm.POLICIES.read_text())
        settings = yaml.safe_load((self.folder / "concord.yaml").read_text())
        settings["systems"]["periods"] = {"kind": "./periods", "url": "drop"}
        rules = {name: f"{name}.yaml" for name in ("ownership", "controls", "policies")}
        (self.folder / "concord.yaml").write_text(yaml.safe_dump(settings | rules, sort_keys=False))

    def _drafts(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self.twin.simulators["netsuite"].tables["invoice"].rows
        return sorted((key, row) for key, row in rows.items() if row["status"]["id"] == "D" and row.get("tranDate"))

    def _first_plan(self) -> None:
        in_force.put(self.journal, correct.proposed(self.firm))
        for name in self.firm.systems:
            observe.observe(self.firm, name, self.journal)
        understand.understand(self.firm, self.journal)
        first = self.plan_again()
        terms = next(line for line in first.lines if line.system == "salesforce" and line.field == "payment_terms" and not line.hold)
        pins = [(f"salesforce:Account:{terms.record_id}", "payment_terms", "net_90", CONTROLLERS[0])]
        posted = next(key for key, row in self.twin.simulators["netsuite"].tables["invoice"].rows.items() if row["status"]["id"] == "A")
        pins += [(f"netsuite:invoice:{key}", "due_on", "2027-01-15", "Stella Steward") for key in (posted, self._drafts()[0][0])]
        for ref, column, value, actor in pins:
            self.note("value.pinned", ref, actor, record_ref=ref, column=column, value=value, reason="said so")
        understand.understand(self.firm, self.journal)
        self.lines = _chosen(self.plan_again().lines)

    def _copy(self, source: Path, target: Path) -> None:
        for name in STATE:
            shutil.copyfile(source / name, target / name)


def _forget() -> None:
    """Rule files are read once a process; these change within one."""
    controls.read.cache_clear(), policies.read.cache_clear()


def _chosen(lines: tuple[Line, ...]) -> dict[str, Line]:
    held = [line for line in lines if line.hold and line.field == "due_on"]
    plain = [line for line in lines if (line.status, line.action, line.eyes, line.authors) == ("needs_consent", "update", 1, None)]
    return {
        "plain": plain[0],
        "other": plain[1],
        "own": next(line for line in lines if line.authors and CONTROLLERS[0] in line.authors and not line.hold),
        "eyes": next(line for line in lines if line.eyes == 2 and not line.hold),
        "posted": next(line for line in held if line.hold.startswith("posted")),
        "closed": next(line for line in held if line.hold.startswith("closed period")),
        "ledger": next(line for line in lines if (line.status, line.system, line.action) == ("approved", "netsuite", "update")),
    }


def _office_hours() -> datetime:
    """Now, or noon of the next weekday: inside the window."""
    now = datetime.now(UTC)
    return now.replace(hour=11) + timedelta(days=max(0, 7 - now.weekday()) if now.weekday() > 4 else 0)
