"""Writes the CRM's nightly export of the firm in seed.py: accounts.csv, contacts.csv and invoices.xlsx."""

import csv
from pathlib import Path

import seed
import xlsxwriter

ACCOUNTS = [
    "Account ID",
    "Account Name",
    "Stage",
    "VAT Number",
    "Website",
    "Phone",
    "Street",
    "Postcode",
    "City",
    "Country",
    "Payment Days",
]
CONTACTS = ["Contact ID", "Account ID", "Name", "E-Mail", "Title", "Billing Contact"]
INVOICES = ["Invoice Number", "Account ID", "Invoice Date", "Amount", "Currency", "Status"]


def export(folder: Path, corrected: bool = False, sold: tuple[str, ...] = (), phones: dict[str, str] | None = None) -> None:
    """The files of a night.

    corrected  the night after sales was told what is wrong, and put it right in the CRM
    sold       prospects that became customers
    phones     {account: number} that sales learnt of
    """
    folder.mkdir(parents=True, exist_ok=True)
    account = _corrected_account if corrected else _account
    accounts = [account(each) for each in seed.ORGANISATIONS if each.crm_name or corrected]
    _csv(folder / "accounts.csv", ACCOUNTS, [_since(row, sold, phones or {}) for row in accounts])
    contacts = [[each.number, each.account, each.name, each.email, each.title, each.is_billing] for each in seed.CONTACTS]
    _csv(folder / "contacts.csv", CONTACTS, contacts)
    invoice = _corrected_invoice if corrected else _invoice
    with xlsxwriter.Workbook(folder / "invoices.xlsx") as book:
        sheet = book.add_worksheet("Invoices")
        for number, row in enumerate([INVOICES, *(invoice(each) for each in seed.INVOICES if each.crm_amount or corrected)]):
            sheet.write_row(number, 0, row)


def _account(each: seed.Organisation) -> list[str]:
    # Sales keeps no tax id of a customer that it knows by another spelling.
    return _row(each, each.crm_name, "" if each.account in seed.EXPECTED["other_spelling"] else each.tax_id)


def _corrected_account(each: seed.Organisation) -> list[str]:
    return _row(each, each.erp_names[0] if each.erp_names else each.crm_name, each.tax_id)


def _row(each: seed.Organisation, name: str, tax_id: str) -> list[str]:
    return [
        each.account,
        name,
        "Customer",
        tax_id,
        f"https://{each.website}",
        each.phone,
        each.street,
        each.postcode,
        each.city,
        each.country,
        each.terms,
    ]


def _since(row: list[str], sold: tuple[str, ...], phones: dict[str, str]) -> list[str]:
    is_prospect = row[0] in seed.EXPECTED["prospects_only_in_crm"] and row[0] not in sold
    return [*row[:2], "Prospect" if is_prospect else "Customer", *row[3:5], phones.get(row[0], row[5]), *row[6:]]


def _invoice(each: seed.Invoice) -> list:
    status = "Draft" if each.number in seed.EXPECTED["draft_invoices_with_another_date"] else "Posted"
    return [each.number, each.account, each.crm_issued_on, float(each.crm_amount), "EUR", status]


def _corrected_invoice(each: seed.Invoice) -> list:
    """Posted invoices as finance has them; a draft's date is sales' own, and what finance does not have is void."""
    number, account, issued_on, _, currency, status = (
        _invoice(each) if each.crm_amount else [each.number, each.account, each.issued_on, 0, "EUR", "Posted"]
    )
    return [
        number,
        account,
        each.issued_on if status == "Posted" else issued_on,
        float(each.erp_amount or each.crm_amount),
        currency,
        status if each.erp_amount else "Void",
    ]


def _csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
