"""An invented firm of any size: two systems that know the same customers in their own spelling, and one's invoices.

Made in SQL from numbers alone, so that a million records take seconds and every run sees the same ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from hub import firm
from hub.firm import Firm, Member
from hub.mapping import Object
from hub.systems.connector import Page, Seen

PAGE = 50_000
SETTINGS = """\
firm: Synthetic
systems:
  crm: {kind: ./crm, url: drop}
  erp: {kind: ./erp, url: drop}
"""
CUSTOMER = """\
    is: customer
    key: Id
    changed: Stamp
    write: {update: true}
    fields:
      legal_name: Name
      life_cycle: {from: Status, codes: {A: customer, I: prospect}}
      tax_id: Vat
      website: Website
      phone: Phone
      email: Email
      billing_address: {street: Street, city: City, postcode: Zip, country: Country}
      industry: Industry
"""
CRM = "system: crm\nrole: crm\nobjects:\n  Account:\n" + CUSTOMER
ERP = (
    "system: erp\nrole: erp\nobjects:\n  Customer:\n"
    + CUSTOMER
    + """\
  Invoice:
    is: invoice
    key: Id
    changed: Stamp
    fields:
      number: Number
      status: {from: Status, codes: {P: posted, D: draft, X: paid}}
      issued_on: Issued
      due_on: Due
      amount: {value: Amount, currency: Currency}
      amount_open: {value: Open, currency: Currency}
      customer: {from: Customer, object: Customer}
"""
)

SYLLABLES = "['ba','ce','di','fo','gu','ha','je','ki','lo','mu','na','pe','qui','ro','su','ta','ve','wi','xo','yu','bran','clem','dorn','fels','grim','holm','jost','karl','lind','mohr']"


def _word(seed: str, parts: int) -> str:
    return " || ".join(f"{SYLLABLES}[(1 + hash({seed}, {part}) % 30)::INT]" for part in range(parts))


# Four in five customers of sales are finance's too, written in another form; every so many-th has another name there, as many another phone, as many another street.
CUSTOMERS = f"""
CREATE TABLE thing AS SELECT i, {_word("i", 3)} AS one, {_word("-i", 3)} AS two, lpad((hash(i, 7) % 100000000)::VARCHAR, 8, '0') AS digits, hash(i, 8) % 100000 AS zip,
  {_word("hash(i, 9) % 20000", 3)} AS street, hash(i, 10) % 200 AS house, if(i % 3 = 0, 'DE' || lpad((i * 7919 % 1000000000)::VARCHAR, 9, '0'), NULL) AS vat FROM range({{customers}}) AS t(i);
CREATE TABLE account AS SELECT 'A' || i AS "Id", '2026-01-01T00:00:00Z' AS "Stamp", one || ' ' || two || ' GmbH' AS "Name", if(i % 5 = 0, 'I', 'A') AS "Status",
  vat AS "Vat", 'https://www.' || one || two || '.example/' AS "Website", '+49 30 ' || digits AS "Phone", 'office@' || one || two || '.example' AS "Email",
  street || 'strasse ' || house AS "Street", 'City ' || zip % 3000 AS "City", lpad(zip::VARCHAR, 5, '0') AS "Zip", 'DE' AS "Country", 'Industry ' || i % 50 AS "Industry" FROM thing;
CREATE TABLE customer AS SELECT 'C' || i AS "Id", '2026-01-01T00:00:00Z' AS "Stamp", one || if(i % {{differs}} = 1, '-', ' ') || two || ' GmbH' AS "Name", 'A' AS "Status",
  lower(vat) AS "Vat", one || two || '.example' AS "Website", '0049 30' || if(i % {{differs}} = 2, reverse(digits), digits) AS "Phone",
  NULL::VARCHAR AS "Email", street || if(i % {{differs}} = 3, 'str. ', 'strasse ') || house AS "Street", 'City ' || zip % 3000 AS "City", lpad(zip::VARCHAR, 5, '0') AS "Zip", 'DE' AS "Country",
  NULL::VARCHAR AS "Industry" FROM thing WHERE i % 5 <> 0;
CREATE TABLE invoice AS SELECT 'I' || j AS "Id", '2026-01-01T00:00:00Z' AS "Stamp", 'R-' || j AS "Number", ['P', 'D', 'X'][1 + j % 3] AS "Status",
  (DATE '2025-01-01' + (j % 600)::INT)::VARCHAR AS "Issued", (DATE '2025-01-31' + (j % 600)::INT)::VARCHAR AS "Due", ((hash(j) % 10000000) / 100)::DECIMAL(18, 2)::VARCHAR AS "Amount",
  '0.00' AS "Open", 'EUR' AS "Currency", 'C' || if(k % 5 = 0, k + 1, k) AS "Customer"
  FROM (SELECT j, (j * 104729) % {{customers}} AS k FROM range({{invoices}}) AS t(j));
"""
# Every hundredth record: another phone, another name, another amount.
EDITS = """
UPDATE account SET "Stamp" = '{at}', "Phone" = '+49 40 ' || right(hash("Id")::VARCHAR, 8) WHERE hash("Id", {turn}) % 200 = 0;
UPDATE account SET "Stamp" = '{at}', "Name" = "Name" || ' {turn}' WHERE hash("Id", {turn}) % 200 = 1;
UPDATE customer SET "Stamp" = '{at}', "Street" = "Street" || 'a' WHERE hash("Id", {turn}) % 100 = 0;
UPDATE invoice SET "Stamp" = '{at}', "Amount" = "Amount"::DECIMAL(18, 2) + 1 WHERE hash("Id", {turn}) % 100 = 0;
"""
FILES = {"Account": "account", "Customer": "customer", "Invoice": "invoice"}


def make(folder: Path, records: int, differs: int = 50) -> Firm:
    """A firm with about so many records in all, in a new project folder; every `differs`-th customer differs in one field, as many in each of two more."""
    customers = records * 3 // 10
    for name, text in (("concord.yaml", SETTINGS), ("crm/system.yaml", CRM), ("erp/system.yaml", ERP)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with duckdb.connect(str(folder / "source.duckdb")) as source:
        source.execute(CUSTOMERS.format(customers=customers, differs=differs, invoices=records - customers - customers * 4 // 5))
    found = read(folder)
    found.state.mkdir(parents=True, exist_ok=True)
    return found


def read(folder: Path) -> Firm:
    """The firm in a folder where it was made."""
    found = firm.read(folder)
    return replace(found, systems={name: Told(**vars(member)) for name, member in found.systems.items()})


def edit(the_firm: Firm, turn: int) -> None:
    """Change one record in a hundred."""
    with duckdb.connect(str(the_firm.folder / "source.duckdb")) as source:
        source.execute(EDITS.format(at=f"2026-02-{turn:02}T00:00:00Z", turn=turn))


class Told(Member):
    """A system whose connector tells what changed since, as most vendors' do."""

    def connect(self) -> "Source":
        return Source(self.folder / "source.duckdb")


class Source:
    """The records of the firm, read from the file that they were made in."""

    def __init__(self, file: Path):
        self.file = file

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        with duckdb.connect(str(self.file), read_only=True) as source:
            rows = source.execute(f'SELECT * FROM {FILES[each.name]} WHERE "Stamp" > ? ORDER BY "Id"', [since or ""]).pl()
        fields = frozenset(rows.columns)
        for start in range(0, max(rows.height, 1), PAGE):
            yield Page(rows.slice(start, PAGE).to_dicts(), last=start + PAGE >= rows.height, fields=fields)

    def look(self, each: Object, record_ids: Sequence[str]) -> dict[str, Seen]:
        return dict.fromkeys(record_ids, Seen("unknown"))

    def close(self) -> None:
        """The file is closed after every read."""
