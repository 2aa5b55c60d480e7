"""`python -m assets.dev`: Dagster's own UI and daemon on an invented firm, until Ctrl-C.

The firm's systems are simulated by `python -m hub.twin`, a child of this process; one cycle runs first, so that the UI has figures to show.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from assets import console, cycle, demo, instance
from assets.cli import the_firm
from hub.firm import Firm

ROOT = Path(__file__).parent.parent


def main() -> None:
    asked = _arguments()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        _serve(asked, stack)


def _serve(asked: argparse.Namespace, stack: ExitStack) -> None:
    demo.make_room(asked.folder)
    twin = stack.enter_context(
        child(
            [sys.executable, "-m", "hub.twin", str(asked.folder), "--seed", str(asked.seed), "--scale", str(asked.scale)],
            stdout=subprocess.PIPE,
        )
    )
    control = json.loads(twin.stdout.readline())["control"]
    firm = the_firm(asked.folder)
    with console.stages():
        cycle.run(firm)
    port = asked.port or free(3000)
    dagster = stack.enter_context(child(dagster_dev(port), env=environment(firm)))
    console.out.print(
        f"Dagster on {firm.name}: http://127.0.0.1:{port}\nlet its people work: curl -X POST '{control}/people_edit?turn=1'\nstop: Ctrl-C",
        soft_wrap=True,
    )
    while dagster.poll() is None and twin.poll() is None:
        time.sleep(1)


def dagster_dev(port: int) -> list[str]:
    """The command that starts Dagster's web server, daemon and code server."""
    return [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "dagster",
        "dev",
        "-w",
        str(ROOT / "workspace.yaml"),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "--log-level",
        "warning",
    ]


def environment(firm: Firm) -> dict[str, str]:
    """What Dagster's processes need to know of a firm."""
    return os.environ | {
        "CONCORD_PROJECT": str(firm.folder.resolve()),
        "DAGSTER_HOME": str(instance.home(firm)),
        "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1",
    }


@contextmanager
def child(command: list[str], **options) -> Iterator[subprocess.Popen]:
    """A process with its own group while the `with` block lasts; whatever it started ends with it."""
    # Its own session: Ctrl-C in the terminal reaches us alone, and we end children in order, the twin last.
    process = subprocess.Popen(command, start_new_session=True, text=True, **options)  # noqa: S603
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assets.dev", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo-dev"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=0, help="3000, or a free one when that is taken")
    return parser.parse_args()


def free(wanted: int = 0) -> int:
    """This port of loopback, or another one when it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
