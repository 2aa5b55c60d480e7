"""Writes the CRM's nightly export of the firm in seed.py: accounts.csv, contacts.csv and invoices.xlsx."""

import csv
from pathlib import Path

import seed
import xlsxwriter

ACCOUNTS = ["Account ID", "Account Name", "Stage", "VAT Number", "Website", "Phone", "Street", "Postcode", "City", "Country", "Payment Days"]
CONTACTS = ["Contact ID", "Account ID", "Name", "E-Mail", "Title", "Billing Contact"]
INVOICES = ["Invoice Number", "Account ID", "Invoice Date", "Amount", "Currency", "Status"]


def export(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _csv(folder / "accounts.csv", ACCOUNTS, [_account(each) for each in seed.ORGANISATIONS if each.crm_name])
    contacts = [[each.number, each.account, each.name, each.email, each.title, each.is_billing] for each in seed.CONTACTS]
    _csv(folder / "contacts.csv", CONTACTS, contacts)
    with xlsxwriter.Workbook(folder / "invoices.xlsx") as book:
        sheet = book.add_worksheet("Invoices")
        sheet.write_row(0, 0, INVOICES)
        for number, each in enumerate([each for each in seed.INVOICES if each.crm_amount], 1):
            sheet.write_row(number, 0, [each.number, each.account, each.issued_on, float(each.crm_amount), "EUR", "Posted"])


def _account(each: seed.Organisation) -> list[str]:
    # Sales keeps no tax id of a customer that it knows by another spelling.
    tax_id = "" if each.account in seed.EXPECTED["other_spelling"] else each.tax_id
    stage = "Prospect" if each.account in seed.EXPECTED["prospects_only_in_crm"] else "Customer"
    return [each.account, each.crm_name, stage, tax_id, f"https://{each.website}", each.phone, each.street, each.postcode, each.city, each.country,
            each.terms]


def _csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
