"""A firm of the twin after one cycle, its workbench served on loopback, and Debian's Chromium on it."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Page, sync_playwright

from assets import correct, observe, publishing, understand
from hub import firm, journal, store
from hub.firm import Firm
from hub.journal import Journal
from hub.systems.simulator import Server
from hub.twin.twin import Twin
from reconcile import plan
from reconcile.plan import Line
from reconcile.web.app import app

CHROMIUM = Path("/usr/bin/chromium")  # apt-get install chromium
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCRIPT = "<script>document.title = 'taken over'</script>"


@dataclass(frozen=True)
class World:
    twin: Twin
    firm: Firm
    journal: Journal
    url: str

    def cycle(self, between: Callable[[], object] = lambda: None) -> None:
        """One turn of the loop; `between` happens after the plan and before the push."""
        for name in self.firm.systems:
            observe.observe(self.firm, name, self.journal)
        understand.understand(self.firm, self.journal)
        correct.make_plan(self.firm, self.journal)
        between()
        for name in self.firm.systems:
            correct.push_system(self.firm, name, self.journal)
        publishing.publish(self.firm, self.journal)

    def lines(self, status: str, **like: str) -> list[Line]:
        """Lines of the plan in the newest cut."""
        with store.reading(self.firm.cuts) as connection:
            lines = plan.read(connection).lines
        return [line for line in lines if line.status == status and all(getattr(line, name) == value for name, value in like.items())]

    def rows(self, sql: str, values: list | None = None) -> list[tuple]:
        with store.reading(self.firm.cuts) as connection:
            return connection.execute(sql, values or []).fetchall()

    def account(self, record_id: str) -> dict:
        return self.twin.simulators["salesforce"].tables["Account"].rows[record_id]

    def said(self, kind: str) -> list[tuple]:
        events = self.journal.events(kinds={kind})
        return [(event.actor, event.subject, event.body) for event in events if event.actor not in ("hub", "policy")]


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Iterator[World]:
    twin, folder = Twin(seed=7, scale=0.4), tmp_path_factory.mktemp("firm")
    twin.start()
    _look_alikes(twin, "Brightwater Example", "Kestrel Example", "Merlin Example")
    customers = twin.simulators["netsuite"].tables["customer"]  # finance owns the name, so no correction takes this away
    scripted = next(iter(customers.rows))
    customers.update(scripted, {"companyName": f"{customers.rows[scripted]['companyName']} {SCRIPT}"})
    twin.write_project(folder)
    the_firm = firm.read(folder)
    with journal.open(the_firm.journal) as entries:
        server = Server({"workbench": app(the_firm)}).start()
        made = World(twin, the_firm, entries, server.urls["workbench"])
        made.cycle()
        yield made
        server.stop()
    twin.stop()


def _look_alikes(twin: Twin, *names: str) -> None:
    """Accounts of which two have one name and say nothing else: a steward has to decide."""
    accounts = twin.simulators["salesforce"].tables["Account"]
    prospect = next(row for row in accounts.rows.values() if row["Type"] == "Prospect")
    silent = dict.fromkeys(
        (
            "Website",
            "Phone",
            "Tax_Id__c",
            "Registration_Number__c",
            "Trade_Name__c",
            "Billing_Email__c",
            "BillingPostalCode",
            "BillingStreet",
            "BillingCity",
            "BillingCountry",
        )
    )
    for name in names:
        for said in (f"{name} AG", name):  # another legal form would speak for another organisation
            accounts.create({field: value for field, value in prospect.items() if field != "Id"} | silent | {"Name": said})


@dataclass
class Watched:
    """A browser's page that remembers what went wrong in it and where its requests went."""

    page: Page
    errors: list[str]
    foreign: list[str]
    expected: tuple[str, ...] = ()


def _missing() -> str | None:
    """What keeps the browser from starting, and how to get it."""
    if not CHROMIUM.exists():
        return f"no {CHROMIUM}; apt-get install chromium"
    driver = subprocess.run([compute_driver_executable()[0], "--version"], capture_output=True, text=True)
    return f"Playwright's driver does not start: {driver.stderr.strip()}; apt-get install libatomic1" if driver.returncode else None


@pytest.fixture(scope="session")
def browser():
    if missing := _missing():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        size = {"width": 1400, "height": 900}
        opened = playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=ARGUMENTS, viewport=size)
        yield opened
        opened.close()


@pytest.fixture
def steward(world: World, browser) -> Iterator[Watched]:
    """A browser whose person gave a name. Fails when a page reported an error or asked another machine for anything."""
    browser.clear_cookies()
    page = browser.new_page()
    watched = Watched(page, [], [])
    page.on("console", lambda message: watched.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", lambda request: watched.foreign.append(request.url) if not request.url.startswith(world.url) else None)
    page.goto(world.url)
    page.fill("#name", "Stella Steward")
    page.click("text=Go on")
    page.wait_for_selector("h1:has-text('What is waiting')")
    yield watched
    page.close()
    assert [error for error in watched.errors if not any(part in error for part in watched.expected)] == []
    assert watched.foreign == []
