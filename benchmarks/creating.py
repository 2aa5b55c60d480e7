"""What creating records costs: finance's posted invoices are made in sales' system, 200 a request, beside one client that posts them singly."""

import csv
from pathlib import Path

from benchmarks import pushing
from benchmarks.measure import Clock
from hub import journal

CUSTOMERS = 100
INVOICES = """\
  invoices:
    is: invoice
    key: Number
    read: {pattern: "invoices*.csv"}
    fields:
      number: Number
      status: {from: Status, codes: {P: posted}}
      issued_on: Issued
      due_on: Due
      amount: {value: Amount, currency: Currency}
      amount_open: {value: Open, currency: Currency}
      customer: {from: Customer, object: customers}
"""
HEAD = ("Number", "Status", "Issued", "Due", "Amount", "Open", "Currency", "Customer")


def hub(clock: Clock, folder: str, records: str, away: str = "0") -> None:
    """Push a plan that creates so many invoices: from reading the plan to the last outcome in the journal."""
    with pushing.served("salesforce", str(CUSTOMERS), away) as (where, _):
        the_firm = pushing.project(Path(folder), "salesforce", where, CUSTOMERS, INVOICES)
        _write(the_firm.folder, 0)
        with journal.open(the_firm.journal) as book:
            pushing.pushed(the_firm, "salesforce", book, Clock(), "Account")  # the customers' hub ids
            _write(the_firm.folder, int(records))
            sent = pushing.pushed(the_firm, "salesforce", book, clock, "Invoice__c")
    assert sent == {"acknowledged": int(records)}, sent


def client(clock: Clock, folder: str, records: str, away: str = "0") -> None:
    """The same invoices, posted by one client with a pool of connections, one a request, one after the other."""
    with pushing.served("salesforce", str(CUSTOMERS), away) as (where, ids):
        member = pushing.project(Path(folder), "salesforce", where, 1).systems["salesforce"]
        with pushing.pooled(member, where) as pool, clock:
            for number in range(int(records)):
                pool.post("/services/data/v61.0/sobjects/Invoice__c", json=_body(number, ids)).raise_for_status()


def _write(folder: Path, records: int) -> None:
    with (folder / "drop" / "invoices.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEAD)
        rows.writerows(
            (f"R-{n:06}", "P", "2026-11-02", "2026-12-02", f"{n}.50", f"{n}.50", "EUR", f"B{n % CUSTOMERS:06}") for n in range(records)
        )


def _body(number: int, accounts: list[str]) -> dict:
    return {
        "Name": f"R-{number:06}",
        "Status__c": "Posted",
        "Invoice_Date__c": "2026-11-02",
        "Due_Date__c": "2026-12-02",
        "Amount__c": number + 0.5,
        "Open_Amount__c": number + 0.5,
        "CurrencyIsoCode": "EUR",
        "Account__c": accounts[number % CUSTOMERS],
        "Concord_Id__c": f"I-{number:012}",
    }
