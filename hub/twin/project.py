"""Writes the project folder of the invented firm: concord.yaml, the secrets it refers to, and the drop folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from hub.twin.twin import Twin

HEAD = "# An invented firm, made by `python -m hub.twin`. Its systems answer on this machine while that runs.\n"
KEPT_OUT = "secrets/\nstate/\nout/\n"


def write(folder: Path, twin: "Twin") -> None:
    """Make or renew the folder. What state a hub keeps there is left alone."""
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text(KEPT_OUT)
    systems = {name: _member(folder, name, simulator, twin.urls.get(name, "drop")) for name, simulator in twin.simulators.items()}
    settings = {"firm": "Example Consulting Group", "currency": "EUR", "state": "state", "systems": systems}
    (folder / "concord.yaml").write_text(HEAD + yaml.safe_dump(settings, sort_keys=False))
    publish(folder, twin)


def publish(folder: Path, twin: "Twin") -> None:
    """Put the files of the systems that speak in files into the drop folder."""
    (folder / "drop").mkdir(exist_ok=True)
    for simulator in twin.simulators.values():
        if simulator.app is None:
            simulator.publish(folder / "drop")


def _member(folder: Path, name: str, simulator: Any, url: str) -> dict[str, Any]:
    # The vendors' own limits would only slow an invented firm down.
    known = {"user": simulator.user} if hasattr(simulator, "user") else {}  # of those that tell who changed a record
    return known | {
        "kind": name,
        "url": url,
        "limits": {"per_second": 1000},
        "secrets": {key: _kept(folder, f"{name}.{key}", value) for key, value in simulator.secrets.items()},
    }


def _kept(folder: Path, name: str, value: str) -> str:
    """Write a secret where only its owner reads it; gives the reference to it."""
    path = folder / "secrets" / name
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(value)
    return f"file:secrets/{name}"
