"""A firm of two systems at work: its twin, and Dagster's daemon, web server and code server, each a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster_graphql import DagsterGraphQLClient

from assets import cycle, dev, instance
from hub import firm, journal, store
from hub.journal import Event

SYSTEMS = ("salesforce", "netsuite")
EACH_MINUTE = {
    "all": {
        "entities": ["customer", "contact", "opportunity", "invoice", "time_entry", "project", "worker", "contract"],
        "cron": "* * * * *",
    }
}
# Every Python process of the office notes here whom it wants to reach beyond this machine.
WATCH = """\
import sys

def note(event, arguments):
    if event not in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        return
    host = arguments[1] if event == "socket.connect" else arguments[0]
    host = host[0] if isinstance(host, tuple) else host
    if host not in (None, "", "localhost", "::1", "0.0.0.0") and not str(host).startswith(("127.", "/")) and not isinstance(host, bytes):
        with open({file!r}, "a") as calls:
            calls.write(f"{{event}} {{host}}\\n")

sys.addaudithook(note)
"""


class Office:
    """What a test needs to know of the processes, and what people do in the firm."""

    def __init__(self, folder: Path, twin: dict[str, Any], port: int):
        self.folder, self.firm, self.control = folder, firm.read(folder), twin["control"]
        self.dagster = DagsterInstance.from_config(str(instance.home(self.firm)))
        self.port, self.client = port, DagsterGraphQLClient("127.0.0.1", port_number=port)
        self.calls = folder.parent / "calls"

    def people_edit(self, turn: int) -> list[str]:
        return httpx.post(f"{self.control}/people_edit", params={"turn": turn}, timeout=60).json()

    def start(self, job: str = "cycle") -> str:
        return self.client.submit_job_execution(job, repository_location_name="assets.definitions", repository_name="__repository__")

    def ended(self, run_id: str) -> DagsterRunStatus:
        """How the run ended, once it has."""
        self.wait(lambda: self.dagster.get_run_by_id(run_id).is_finished)
        return self.dagster.get_run_by_id(run_id).status

    def turn(self) -> None:
        assert self.ended(self.start()) is DagsterRunStatus.SUCCESS

    def run_tagged(self, tag: str, value: str | None = None) -> str | None:
        """The newest run with this tag, by id."""
        return next((run.run_id for run in self.dagster.get_runs() if tag in run.tags and value in (None, run.tags[tag])), None)

    def has_begun(self, run_id: str, step: str) -> bool:
        return any(entry.step_key == step for entry in self.dagster.all_logs(run_id, of_type=DagsterEventType.STEP_START))

    def kill(self, run_id: str) -> None:
        """SIGKILL the worker of a run and every process it has started."""
        pids = [
            entry.dagster_event.event_specific_data.metadata["pid"].value
            for entry in self.dagster.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
            if "pid" in entry.dagster_event.event_specific_data.metadata
        ]
        worker = psutil.Process(int(pids[0]))
        for process in [worker, *worker.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def stop_schedules(self) -> None:
        for state in self.dagster.all_instigator_state():
            if state.instigator_type.value == "SCHEDULE":
                self.dagster.update_instigator_state(state.with_status(type(state.status).STOPPED))

    def read(self, query: str) -> list[tuple]:
        """Rows of the newest cut."""
        with store.reading(self.firm.cuts) as connection:
            return connection.execute(query).fetchall()

    def decide(self, kind: str, subject: str, body: dict) -> Event:
        with journal.open(self.firm.journal) as entries:
            return entries.append([Event(kind, subject, body, "steward")])[0]

    @staticmethod
    def wait(until: Callable[[], Any], seconds: float = 600) -> Any:
        """What `until` gives, as soon as it is something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := until():
                return found
            time.sleep(0.25)
        raise TimeoutError(f"{until} gave nothing in {seconds} s")


@contextmanager
def opened(folder: Path) -> Iterator[Office]:
    """An office in this folder while the `with` block lasts."""
    project, watch = folder / "firm", folder / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH.format(file=str(folder / "calls")))
    with ExitStack() as stack:
        command = [sys.executable, "-m", "hub.twin", str(project), "--scale", "0.1", "--systems", *SYSTEMS]
        twin = stack.enter_context(dev.child(command, cwd=dev.ROOT, stdout=subprocess.PIPE))
        said, port = json.loads(twin.stdout.readline()), dev.free()
        (project / "schedules.yaml").write_text(yaml.safe_dump(EACH_MINUTE))
        office = Office(project, said, port)
        cycle.prepare(office.firm)
        office.environment = dev.environment(office.firm) | {"CONCORD_EXECUTOR": "multiprocess", "PYTHONPATH": f"{watch}:{dev.ROOT}"}
        with open(folder / "dagster.log", "w") as log:
            stack.enter_context(dev.child(dev.dagster_dev(port), env=office.environment, cwd=dev.ROOT, stdout=log, stderr=log))
        yield office
