"""Fills a fresh Tryton database with the firm of seed.py, in process through proteus. Run by Tryton's own Python.

The company, its chart of accounts and its fiscal year are made by the tools that Tryton's modules ship for their own scenarios.
"""

import sys
from datetime import date, timedelta
from decimal import Decimal

import seed
from proteus import Model, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company
from trytond.pool import Pool
from trytond.transaction import Transaction

COUNTRIES = {"DE": "Germany", "AT": "Austria", "BE": "Belgium", "DK": "Denmark"}
YEAR = (date(2025, 1, 1), date(2025, 12, 31))


def main(configuration: str) -> None:
    # Tryton warns that what we invoice here fell due long ago.
    config.set_trytond("hub", config_file=configuration).skip_warning = True
    Party = Model.get("party.party")
    firm = Party(name="The Firm Consulting GmbH")
    firm.save()
    create_company(firm, "EUR")
    create_chart()
    _open_year()
    _number_projects()
    terms = {days: _payment_term(days) for days in sorted({each.terms for each in seed.ORGANISATIONS if each.terms})}
    countries = {code: _saved("country.country", code=code, name=name) for code, name in COUNTRIES.items()}
    parties = {each.account: _parties(each, terms, countries)[0] for each in seed.ORGANISATIONS if each.erp_name}
    employees = {each.number: _employee(each) for each in seed.WORKERS}
    works = {each.code: _project(each, parties) for each in seed.PROJECTS}
    _time_entries(employees, works)
    _invoices(parties, terms)


def _saved(model: str, **values):
    record = Model.get(model)(**values)
    record.save()
    return record


def _open_year() -> None:
    year = create_fiscalyear(today=YEAR)
    year.start_date, year.end_date = YEAR
    year = set_fiscalyear_invoice_sequences(year)
    year.save()
    year.click("create_period")
    sequence = year.invoice_sequences[0].out_invoice_sequence
    sequence.prefix, sequence.padding = "INV-", 4
    sequence.save()


def _number_projects() -> None:
    (kind,) = Model.get("ir.sequence.type").find([("name", "=", "Project Work Effort")])
    first = seed.PROJECTS[0].code
    sequence = _saved(
        "ir.sequence", name="Project", sequence_type=kind, prefix=first.rstrip("0123456789"), number_next=int(first.lstrip("P-"))
    )
    settings = Model.get("project.configuration")(1)
    settings.work_sequence = sequence
    settings.save()


def _payment_term(days: str):
    term = Model.get("account.invoice.payment_term")(name=f"{days} days")
    line = term.lines.new(type="remainder")
    line.relativedeltas.new(days=int(days))
    term.save()
    return term


def _parties(each: seed.Organisation, terms: dict, countries: dict) -> list:
    """One party, or two where Tryton has the customer twice; only the first has the tax identifier."""
    made = []
    for name in each.erp_names:
        party = Model.get("party.party")(name=name)
        address = party.addresses[0]
        address.street_unstructured, address.postal_code, address.city = each.street, each.postcode, each.city
        address.country = countries[each.country]
        for kind, value in (("website", f"https://www.{each.website}"), ("phone", each.erp_phone), ("email", each.email)):
            party.contact_mechanisms.new(type=kind, value=value)
        if each.tax_id and not made:
            party.identifiers.new(type="eu_vat", code=each.tax_id)
        party.customer_payment_term = terms[each.terms]
        party.save()
        made.append(party)
    return made


def _employee(each: seed.Worker):
    party = Model.get("party.party")(name=each.name, code=each.number)
    party.contact_mechanisms.new(type="email", value=each.email)
    party.save()
    return _saved("company.employee", party=party, start_date=date.fromisoformat(each.started_on))


def _project(each: seed.Project, parties: dict):
    """The timesheet work of a new project."""
    project = Model.get("project.work")(type="project", name=each.name)
    project.party = parties[each.account]
    project.list_price, project.project_invoice_method = Decimal(each.hourly_rate), each.invoice_method
    project.timesheet_available = True
    project.save()
    assert project.number == each.code, (project.number, each.code)
    (work,) = project.timesheet_works
    work.timesheet_start_date = date.fromisoformat(each.starts_on)
    work.save()
    return work


def _time_entries(employees: dict, works: dict) -> None:
    """Straight through the server's own models: only code inside Tryton may set a line's uuid, as its time tracking route does."""
    company = get_company().id
    with Transaction().start("hub", 1, context={"company": company}) as transaction:
        Pool().get("timesheet.line").create(
            [
                {
                    "employee": employees[each.worker].id,
                    "work": works[each.project].id,
                    "date": each.worked_on,
                    "duration": timedelta(hours=float(each.erp_hours)),
                    "description": f"Work on {each.project}",
                    "uuid": str(each.number),
                }
                for each in seed.TIME_ENTRIES
            ]
        )
        transaction.commit()


def _invoices(parties: dict, terms: dict) -> None:
    revenue = get_accounts(get_company())["revenue"]
    days = {each.account: each.terms for each in seed.ORGANISATIONS}
    for each in seed.INVOICES:
        if each.erp_amount:
            invoice = Model.get("account.invoice")(type="out", party=parties[each.account], invoice_date=date.fromisoformat(each.issued_on))
            invoice.payment_term = terms[days[each.account]]
            line = invoice.lines.new()
            line.account, line.description, line.quantity, line.unit_price = revenue, "Services", 1, Decimal(each.erp_amount)
            invoice.save()
            if each.number in seed.EXPECTED["draft_invoices_with_another_date"]:
                _number_draft(invoice.id, each.number)
                continue
            invoice.click("post")
            assert invoice.number == each.number, (invoice.number, each.number)


def _number_draft(invoice: int, number: str) -> None:
    """Straight through the server's own models, as importers do: for everybody else a number comes with the posting."""
    with Transaction().start("hub", 1) as transaction:
        Invoice = Pool().get("account.invoice")
        Invoice.write([Invoice(invoice)], {"number": number})
        transaction.commit()


if __name__ == "__main__":
    main(sys.argv[1])
