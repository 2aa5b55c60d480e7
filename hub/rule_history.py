"""Keeps in the journal which rules a firm lived by, so that a question about a day is answered by the rules of that day."""

from datetime import datetime
from pathlib import Path

import yaml

from hub import firm, firm_settings, journal_body, matching, ownership, rules
from hub.journal import Event, Journal

KIND = "rules.changed"
OWNERSHIP = "ownership.yaml"


def note(journal: Journal, project: str) -> None:
    """Journal the rules if they are not those that were journaled last, as files: what a firm can change of them."""
    last, version = next(reversed(list(journal.events(kinds=[KIND]))), None), rules.version(project)
    if last is None or last.subject != version:
        journal.append([Event(KIND, version, {"files": files(project)})])


def files(project: str) -> dict[str, str]:
    """A project folder with the same rules, {file: text}: each system's system.yaml, who owns what, how records are matched."""
    folder = Path(project)
    settings, the_firm, the_rules = firm_settings.read(folder), firm.read(folder), rules.of(project)
    members = {
        name: {"kind": f"./{name}", "role": the_firm.systems[name].system.role, "limits": said.limits, "user": said.user}
        for name, said in settings.systems.items()
    }
    found = {f"{name}/system.yaml": (firm.home(folder, said.kind) / "system.yaml").read_text() for name, said in settings.systems.items()}
    matched = {f"identity/{name}.yaml": matching.source(name, the_rules.identity) for name in the_rules.entities}
    found |= {name: path.read_text() for name, path in matched.items() if path.exists()}
    concord = {"firm": settings.firm, "currency": settings.currency, "ownership": OWNERSHIP, "systems": members}
    return found | {OWNERSHIP: ownership.whole(the_firm.ownership), firm_settings.FILE: yaml.safe_dump(concord, sort_keys=False)}


def at_time(journal: Journal, valid: datetime, at: datetime) -> dict[str, str] | None:
    """The files of the rules as of a day, as known at a moment; None before any were journaled.

    How records are read and matched is knowledge: the newest that was known counts for every day. Who owns what is a fact of
    the firm, in force from the moment it was set: the one of the day counts, read for that day.
    """
    changes = list(journal.events(kinds=[KIND]))
    if not changes:
        return None
    read, owned = (_newest(changes, until) for until in (at, min(valid, at)))
    return read.body["files"] | {OWNERSHIP: ownership.dated(owned.body["files"][OWNERSHIP], journal_body.utc(valid).date())}


def _newest(changes: list[Event], until: datetime) -> Event:
    """The last change by then. Before the first, the first: what held before it was never written down."""
    return next((each for each in reversed(changes) if each.at <= journal_body.utc(until)), changes[0])


def write(folder: Path, texts: dict[str, str]) -> None:
    """Make a project folder of these files."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
