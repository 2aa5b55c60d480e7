"""hub init, add-system, doctor: a firm's own project folder."""

import sys
from pathlib import Path
from typing import Annotated

import duckdb
import typer
import yaml

from assets import console
from assets.cli import HERE, Json, Project, app, the_firm
from assets.console import FAILED
from hub import firm, journal, mapping
from hub.errors import HubError, Refused
from hub.firm import Member


@app.command()
def init(
    folder: Path,
    name: Annotated[str, typer.Option(help="What the firm is called.")] = "Our firm",
    currency: Annotated[str, typer.Option(help="Its currency, ISO 4217.")] = "EUR",
    json: Json = False,
) -> None:
    """Make a firm's own project folder: settings, drop folder, secrets by reference."""
    made = firm.write_new(folder, name, currency)
    console.as_json({"folder": made}) if json else console.out.print(
        f"made {made}; put files into {folder / 'drop'}, then `hub add-system NAME --project {folder}`"
    )


@app.command("add-system")
def add_system(
    name: str,
    project: Project = HERE,
    kind: Annotated[str, typer.Option(help="A system under hub/systems, or files.")] = "files",
    url: Annotated[str, typer.Option(help="Where it is; for files, a folder.")] = "drop",
    role: Annotated[str, typer.Option(help="crm, erp, psa, clm, hris …")] = "",
    json: Json = False,
) -> None:
    """Add a system to concord.yaml. For files, a mapping is proposed from what lies in the folder; read it before you run."""
    path = project / firm_file()
    settings = yaml.safe_load(path.read_text())
    if name in (settings.get("systems") or {}):
        raise Refused(f"{path} has a system {name} already; choose another name, or edit it there")
    entry = _files_entry(project, name, url, role) if kind == "files" else _known_entry(kind, url, role)
    text = yaml.safe_dump({name: entry}, sort_keys=False, allow_unicode=True)
    settings["systems"] = (settings.get("systems") or {}) | {name: entry}
    path.write_text(_with_systems(path.read_text(), settings["systems"]))
    firm.read(project.resolve())
    console.as_json({name: entry}) if json else console.out.print(
        f"added to {path}:\n{text}next: read {entry['kind']}/system.yaml, then `hub doctor --project {project}`"
    )


def firm_file() -> str:
    return "concord.yaml"


def _files_entry(project: Path, name: str, url: str, role: str) -> dict:
    from hub.systems.files import guess

    folder = project / "systems" / name
    if (folder / "system.yaml").exists():
        raise Refused(f"{folder}/system.yaml is there already; edit it, or remove it first")
    proposed = guess.system(project / url, name, role or "crm")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "system.yaml").write_text(
        f"# Proposed from the files in {url}; correct what was guessed wrong. The form: docs/systems.md\n"
        + yaml.safe_dump(proposed, sort_keys=False, allow_unicode=True)
    )
    return {"kind": f"./systems/{name}", "url": url}


def _known_entry(kind: str, url: str, role: str) -> dict:
    known = mapping.read(mapping.FOLDER / kind / "system.yaml")
    secrets = {secret: f"env:{kind.upper()}_{secret.upper()}" for secret in known.auth.get("secrets", [])}
    return {"kind": kind, "url": url} | ({"role": role} if role else {}) | ({"secrets": secrets} if secrets else {})


def _with_systems(text: str, systems: dict) -> str:
    """The settings with these systems, and everything above them as a person wrote it."""
    head = text.split("\nsystems:")[0].rstrip()
    return f"{head}\n\n" + yaml.safe_dump({"systems": systems}, sort_keys=False, allow_unicode=True)


@app.command()
def doctor(project: Project = HERE, json: Json = False) -> None:
    """Check rules, secrets, systems, journal and versions; says what to do about each fault."""
    the = the_firm(project)
    checks = [
        ("python", sys.version.split()[0], ""),
        ("duckdb", duckdb.__version__, ""),
        *(_reach(name, member) for name, member in the.systems.items()),
        _journal(the),
    ]
    console.table(
        [(name, "fault" if fault else "ok", fault or found) for name, found, fault in checks], ["what", "state", "detail"], json_too=json
    )
    raise typer.Exit(FAILED if any(fault for _, _, fault in checks) else 0)


def _reach(name: str, member: Member) -> tuple[str, str, str]:
    """Whether the first object of a system answers with a page."""
    each = next(iter(member.system.objects.values()))
    try:
        connector = member.connect()
        try:
            page = next(iter(connector.read(each, None)))
        finally:
            connector.close()
    except HubError as fault:
        return name, "", str(fault)
    return name, f"{each.name} answers, {len(page.rows)} records on the first page", ""


def _journal(the: firm.Firm) -> tuple[str, str, str]:
    try:
        with journal.open(the.journal) as entries:
            broken, (seq, _) = entries.verify(), entries.head()
    except HubError as fault:
        return "journal", "", str(fault)
    return (
        "journal",
        f"{seq} events, the chain holds",
        f"the chain breaks at event {broken}; restore the journal from a backup" if broken else "",
    )
