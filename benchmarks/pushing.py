"""What sending corrections costs: the hub's push, journaled from intent to outcome, beside one pooled httpx client that sends the same values singly.

The systems are the vendors' simulators, each served by a process of its own. `salesforce` has a batch endpoint; `netsuite` takes one
record a request, and the hub looks at each record once more just before it writes it, which the client does not. On this machine an answer
takes no time to travel; `away` milliseconds make a system as far away as most are.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from assets import correct, cycle, observe
from assets.understand import understand
from benchmarks.measure import ROOT, Clock
from hub import firm, journal, store
from hub.journal import Event
from hub.systems.simulator import Clock as FirmClock, serving
from reconcile import plan, push


@dataclass(frozen=True)
class Target:
    """An object whose records get another value in one field; `books`, a folder of files, owns the field.

    role, field, header  of the books; values  (what is there, what the owner says then); seed  what a record holds, by number
    """

    object: str
    role: str
    field: str
    header: str
    values: tuple[str, str]
    seed: dict[str, Any]
    path: str
    body: dict[str, Any]


TARGETS = {
    "salesforce": Target(
        "Account",
        "erp",
        "payment_terms",
        "{from: Terms, codes: {N30: net_30, N60: net_60}}",
        ("N30", "N60"),
        {
            "Name": "Example {n:06} GmbH",
            "Type": "Customer - Direct",
            "Registration_Number__c": "HRB {n:06}",
            "Payment_Terms__c": "N30",
            "CurrencyIsoCode": "EUR",
        },
        "/services/data/v61.0/sobjects/Account/",
        {"Payment_Terms__c": "N60"},
    ),
    "netsuite": Target(
        "customer",
        "crm",
        "website",
        "Terms",
        ("https://old.example", "https://new.example"),
        {
            "companyName": "Example {n:06} GmbH",
            "entityStatus": {"id": "13"},
            "custentity_registration_number": "HRB {n:06}",
            "url": "https://old.example",
            "subsidiary": {"id": "2"},
        },
        "/services/rest/record/v1/customer/",
        {"url": "https://new.example"},
    ),
}
BOOKS = """\
system: books
role: {role}
connector: files
auth: {{kind: none, secrets: []}}
nested: false
objects:
  customers:
    is: customer
    key: Number
    read: {{pattern: "customers*.csv"}}
    fields:
      legal_name: Name
      life_cycle: {{from: Status, codes: {{A: customer}}}}
      registration_number: Register
      {field}: {header}
"""


def serve(name: str, records: str, away: str) -> None:
    """Serve a system with so many records until the input ends; prints where it is, and what lets one in."""
    simulator = import_module(f"hub.systems.{name}.simulator").Simulator(FirmClock())
    target = TARGETS[name]
    for number in range(int(records)):
        simulator.tables[target.object].create(_filled(target.seed, number))

    async def far(scope, receive, send) -> None:
        await asyncio.sleep(float(away) / 1000)
        await simulator.app(scope, receive, send)

    with serving({name: far if float(away) else simulator.app}) as urls:
        print(json.dumps({"url": urls[name], "secrets": simulator.secrets, "ids": list(simulator.tables[target.object].rows)}), flush=True)
        sys.stdin.read()


def hub(clock: Clock, folder: str, name: str, records: str, away: str = "0") -> None:
    """Push all corrections of a plan that a person approved, one value a record: from reading the plan to the last outcome in the journal."""
    with served(name, records, away) as (where, _):
        the_firm = project(Path(folder), name, where, int(records))
        with journal.open(the_firm.journal) as book:
            pushed(the_firm, name, book, Clock(), TARGETS[name].object)  # the hub ids, so that each record is left with one correction
            _fill_books(the_firm.folder, name, int(records), TARGETS[name].values[1])
            sent = pushed(the_firm, name, book, clock, TARGETS[name].object)
    assert sent == {"acknowledged": int(records)}, sent


def client(clock: Clock, folder: str, name: str, records: str, away: str = "0") -> None:
    """The same values, sent by one client with a pool of connections, one record a request, one after the other."""
    with served(name, records, away) as (where, ids), pooled(project(Path(folder), name, where, 1).systems[name], where) as pool, clock:
        for record_id in ids:
            pool.patch(TARGETS[name].path + record_id, json=TARGETS[name].body).raise_for_status()


@contextmanager
def pooled(member: firm.Member, where: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client that is signed in to a served system."""
    connector = member.connect()
    headers = {"Authorization": f"Bearer {connector.http.client.auth.current()}"}
    with httpx.Client(base_url=where["url"], headers=headers, trust_env=False) as pool:
        yield pool
    connector.close()


@contextmanager
def served(name: str, records: str, away: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """A system in a process of its own: where it is and what lets one in, and the ids of its records."""
    command = [sys.executable, "-c", f"from benchmarks import pushing; pushing.serve({name!r}, {records!r}, {away!r})"]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        told = json.loads(server.stdout.readline())
        yield told, told["ids"]
    finally:
        server.stdin.close()
        server.wait(timeout=10)


def project(folder: Path, name: str, where: dict[str, Any], records: int, also: str = "") -> firm.Firm:
    """A project folder of the system and of books that own one field of it. also: other objects of the books."""
    target = TARGETS[name]
    (folder / "books").mkdir(parents=True, exist_ok=True)
    (folder / "drop").mkdir(exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    for key, value in where["secrets"].items():
        path = folder / "secrets" / f"{name}.{key}"
        path.touch(mode=0o600)
        path.write_text(value)
    (folder / "books" / "system.yaml").write_text(BOOKS.format(role=target.role, field=target.field, header=target.header) + also)
    _fill_books(folder, name, records, target.values[0])
    secrets = "".join(f"      {key}: file:secrets/{name}.{key}\n" for key in where["secrets"])
    (folder / "concord.yaml").write_text(
        f"firm: Pushed\nsystems:\n  books: {{kind: ./books, url: drop}}\n  {name}:\n    kind: {name}\n    url: {where['url']}\n    secrets:\n{secrets}"
    )
    return firm.read(folder)


def _fill_books(folder: Path, name: str, records: int, value: str) -> None:
    rows = "".join(f"B{n:06},Example {n:06} GmbH,A,HRB {n:06},{value}\n" for n in range(records))
    (folder / "drop" / "customers.csv").write_text("Number,Name,Status,Register,Terms\n" + rows)


def pushed(the_firm: firm.Firm, name: str, book: journal.Journal, clock: Clock, of: str) -> dict[str, int]:
    """Read, plan, release the breaker, approve all and push, measured from there; returns how many lines came to which end."""
    cycle.prepare(the_firm)
    for each in the_firm.systems:
        observe.observe(the_firm, each, book)
    understand(the_firm, book)
    correct.make_plan(the_firm, book)
    book.append([Event("breaker.released", name, {"system": name, "object": of, "records": 10**9}, "Eva Engineer")])
    correct.make_plan(the_firm, book)
    with store.writing(the_firm.hub_file) as connection:
        made = plan.read(connection)
    plan.approve(book, made, made.hash, "controller")
    connector = the_firm.systems[name].connect()
    connector.http.client.auth.current()
    with store.writing(the_firm.hub_file) as connection, cycle.loaded_for_good(), clock:
        sent = push.push(connection, book, the_firm.systems[name].system, connector)
    connector.close()
    return sent


def _filled(values: dict[str, Any], number: int) -> dict[str, Any]:
    return {key: value.format(n=number) if isinstance(value, str) else value for key, value in values.items()}
