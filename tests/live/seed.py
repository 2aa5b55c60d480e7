"""One invented firm's customers, people, projects, hours and invoices, as three systems know them: CRM export, Tryton, Redmine.

What differs between the systems is planted, and listed in EXPECTED; nothing else differs. Imports nothing but the standard library,
so that Tryton's own environment can read it too. Phone numbers are of Berlin's range for films (030 23125 xxx).
"""

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal


def _table(kind: type, text: str) -> list:
    """Rows of a `|` separated text as values of a dataclass; an empty cell is ''."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    assert all(len(row) == len(fields(kind)) for row in rows), kind
    return [kind(*row) for row in rows]


@dataclass(frozen=True)
class Organisation:
    """A customer. An empty name: the system does not know it; names joined by ` + `: the system has it twice."""

    account: str  # its id in the CRM, or the key by which this file speaks of it
    crm_name: str
    erp_name: str
    tax_id: str
    website: str
    street: str
    postcode: str
    city: str
    country: str
    terms: str  # days

    @property
    def erp_names(self) -> list[str]:
        return self.erp_name.split(" + ") if self.erp_name else []

    @property
    def email(self) -> str:
        return f"accounts@{self.website}"

    @property
    def phone(self) -> str:
        return f"+49 30 23125 1{self.account[-2:]}"

    @property
    def erp_phone(self) -> str:
        return EXPECTED["phones_differ"].get(self.account, (self.phone, self.phone))[1]


ORGANISATIONS: list[Organisation] = _table(
    Organisation,
    """
A-01 | Alder & Brook GmbH       | Alder & Brook GmbH               | DE492655486  | alder.example    | Lindenallee 4     | 10115 | Berlin    | DE | 30
A-02 | Mueller und Soehne       | Müller & Söhne Maschinenbau GmbH | DE644854973  | mueller.example  | Werkstraße 12     | 70173 | Stuttgart | DE | 30
A-03 | Harbour Finch | Harbour & Finch GmbH + Harbour and Finch | DE707151283 | harbour.example | Am Sandtorkai 7 | 20457 | Hamburg | DE | 60
A-04 | Nordwind Logistik SE     | Hansa Spedition GmbH             | DE697714383  | hansa.example    | Hafenring 21      | 28195 | Bremen    | DE | 30
A-05 | Donau Energie AG         | Donau Energie AG                 | ATU55650450  | donau.example    | Praterstraße 33   | 1020  | Wien      | AT | 30
A-06 | Kessler Pharma AG        | Kessler Pharma AG                | DE226478448  | kessler.example  | Industriepark 9   | 65929 | Frankfurt | DE | 60
A-07 | Brouwer Textiel NV       | Brouwer Textiel NV               | BE0749763082 | brouwer.example  | Meir 18           | 2000  | Antwerpen | BE | 30
A-08 | Skagen Fiskeri A/S       | Skagen Fiskeri A/S               | DK74160468   | skagen.example   | Havnevej 2        | 9990  | Skagen    | DK | 30
A-09 | Tannhof Brauerei KG      | Tannhof Brauerei KG              | DE431229838  | tannhof.example  | Braugasse 1       | 96047 | Bamberg   | DE | 15
A-10 | Lumen Optik GmbH | Lumen Optik GmbH + LUMEN Optik G.m.b.H. | DE688136138 | lumen.example | Zeißstr. 8 | 07743 | Jena | DE | 30
A-11 | Alpenblick Hotels GmbH   | Alpenblick Hotels GmbH           | ATU73632401  | alpen.example    | Innstraße 5       | 6020  | Innsbruck | AT | 30
A-12 | Rheintal Stahlbau GmbH   | Rheintal Stahlbau GmbH           | DE599936196  | rheintal.example | Ruhrorter Str. 70 | 47059 | Duisburg  | DE | 60
A-13 | Vogel Medizin GmbH       | Vogel Medizin GmbH               | DE728742260  | vogel.example    | Sanderring 3      | 97070 | Würzburg  | DE | 30
A-14 | Ostsee Windkraft GmbH    | Ostsee Windkraft GmbH            | DE850539557  | ostsee.example   | Warnowufer 40     | 18057 | Rostock   | DE | 30
A-15 | De Smet Chocolade BV     | De Smet Chocolade BV             | BE0517187073 | desmet.example   | Korenlei 11       | 9000  | Gent      | BE | 30
A-16 | Saale Chemie AG          | Saale Chemie AG                  | DE187891151  | saale.example    | Leunaer Weg 100   | 06217 | Merseburg | DE | 60
A-17 | Jyske Maskinfabrik ApS   | Jyske Maskinfabrik ApS           | DK31321298   | jyske.example    | Søndergade 14     | 8000  | Aarhus    | DK | 30
A-18 | Isar Software GmbH       | Isar Software GmbH               | DE663925448  | isar.example     | Isarring 145      | 81671 | München   | DE | 30
A-19 | Elbtal Keramik GmbH      |                                  | DE409170818  | elbtal.example   | Talstraße 9       | 01662 | Meißen    | DE |
A-20 | Wiener Notenverlag GmbH  |                                  | ATU32555071  | noten.example    | Domgasse 10 | 1010  | Wien      | AT |
A-21 | Falkenstein Immobilien GmbH |                                  |              | fsi.example      | Kaiserdamm 88     | 14057 | Berlin    | DE |
A-22 | Leie Vlas NV             |                                  | BE0905457188 | leie.example     | Graslei 2         | 8500  | Kortrijk  | BE |
A-23 | Havel Werft GmbH         |                                  |              | havel.example    | Uferweg 6         | 14467 | Potsdam   | DE |
B-24 |                          | Thüringer Glaswerke GmbH         | DE226772164  | glas.example     | Glasbläserweg 3   | 98724 | Lauscha   | DE | 30
B-25 |                          | Steirische Holzbau GmbH          | ATU70288912  | holz.example     | Annenstraße 27    | 8020  | Graz      | AT | 30
""",
)


@dataclass(frozen=True)
class Worker:
    """One of our consultants, in Tryton (employee) and Redmine (user)."""

    number: str
    given_name: str
    family_name: str
    started_on: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def email(self) -> str:
        return f"{self.given_name}.{self.family_name}@firm.example".lower()


WORKERS: list[Worker] = _table(
    Worker,
    """
E-01 | Anna   | Winter  | 2021-02-01
E-02 | Bilal  | Demir   | 2019-09-15
E-03 | Clara  | Hoffman | 2023-01-09
E-04 | David  | Novak   | 2022-05-02
E-05 | Elif   | Arslan  | 2020-11-01
E-06 | Finn   | Larsen  | 2024-03-18
""",
)


@dataclass(frozen=True)
class Contact:
    """A person at a customer, in the CRM only."""

    number: str
    account: str
    name: str
    email: str
    title: str
    is_billing: str


CONTACTS: list[Contact] = _table(
    Contact,
    """
K-01 | A-01 | Greta Alder    | greta@alder.example    | Managing director | false
K-02 | A-02 | Jonas Müller   | jonas@mueller.example    | Head of purchasing | true
K-03 | A-03 | Rosa Finch     | rosa@harbour.example   | Partner | false
K-04 | A-04 | Sven Petersen  | sven@hansa.example     | Chief operating officer | false
K-05 | A-05 | Mira Gruber    | mira@donau.example   | Project office | false
K-06 | A-06 | Paul Kessler   | paul@kessler.example  | Chief financial officer | true
K-07 | A-07 | Lotte Brouwer  | lotte@brouwer.example | Accounts payable | true
K-08 | A-19 | Henrik Elbing  | henrik@elbtal.example | Owner | false
K-09 | A-18 | Nina Isar      | nina@isar.example   | Head of delivery | false
""",
)


@dataclass(frozen=True)
class Project:
    """A piece of work. Tryton has all of them; Redmine all but those of EXPECTED."""

    code: str
    name: str
    account: str
    starts_on: str
    hourly_rate: str
    invoice_method: str  # in Tryton's word


PROJECTS: list[Project] = _table(
    Project,
    """
P-2001 | Merger readiness           | A-01 | 2025-01-13 | 140.00 | timesheet
P-2002 | Plant planning rollout     | A-02 | 2025-02-03 | 125.00 | timesheet
P-2003 | Finance transformation     | A-03 | 2025-02-17 | 160.00 | timesheet
P-2004 | Warehouse control          | A-04 | 2025-03-03 | 130.00 | effort
P-2005 | Grid asset register        | A-05 | 2025-03-10 | 145.00 | timesheet
P-2006 | Batch release validation   | A-06 | 2025-03-24 | 170.00 | timesheet
P-2007 | Web shop relaunch          | A-07 | 2025-04-07 | 120.00 | effort
P-2008 | Catch traceability         | A-08 | 2025-04-14 | 135.00 | timesheet
P-2009 | Brewhouse reporting        | A-09 | 2025-05-05 | 115.00 | effort
P-2010 | Lens configurator          | A-10 | 2025-05-19 | 150.00 | timesheet
P-2011 | Booking platform           | A-11 | 2025-06-02 | 125.00 | timesheet
P-2012 | Steelwork estimating       | A-12 | 2025-06-16 | 140.00 | manual
""",
)


@dataclass(frozen=True)
class TimeEntry:
    """Hours of a worker on a project on a day: entered in Redmine under `number`, imported into Tryton."""

    number: int
    worker: str
    project: str
    worked_on: date
    hours: Decimal
    erp_hours: Decimal


def _time_entries(text: str) -> list[TimeEntry]:
    """Lines `worker project month: day=hours …`; hours of Tryton behind a / where they differ. Numbered in order, from 1."""
    entries = []
    for line in text.strip().splitlines():
        where, days = line.split(":")
        worker, project, month = where.split()
        for day, hours in (each.split("=") for each in days.split()):
            redmine, _, tryton = hours.partition("/")
            entries.append(
                TimeEntry(
                    len(entries) + 1, worker, project, date.fromisoformat(f"{month}-{day}"), Decimal(redmine), Decimal(tryton or redmine)
                )
            )
    return entries


TIME_ENTRIES = _time_entries("""
E-01 P-2001 2025-09: 01=8 02=7.5 03=8 04=6 05=4
E-01 P-2003 2025-09: 08=8 09=8 10=7.25 11=8 12=5
E-02 P-2002 2025-09: 01=8 02=8 03=7.5/6 04=8 05=6
E-02 P-2002 2025-10: 06=8 07=8 08=8 09=7.5 10=4
E-03 P-2004 2025-09: 15=6 16=6 17=6.5 18=8 19=4
E-03 P-2005 2025-10: 06=8 07=7.5 08=8 09=8 10=5
E-04 P-2006 2025-09: 22=8 23=8 24=8 25=7 26=4
E-04 P-2007 2025-10: 13=8 14=6 15=8 16=7.5 17=5
E-05 P-2008 2025-09: 15=7 16=8 17=8 18=8 19=4.5
E-05 P-2009 2025-10: 20=8 21=8 22=5.75 23=8 24=4
E-06 P-2010 2025-09: 22=8 23=7.5 24=8 25=8 26=3
E-06 P-2011 2025-10: 27=8 28=8 29=8 30=6 31=4
""")


@dataclass(frozen=True)
class Invoice:
    """An invoice in Tryton, posted unless EXPECTED says otherwise, and its line in the CRM's export.

    An empty amount: the system does not have it. Two dates: Tryton's, and the CRM's.
    """

    number: str
    account: str
    dates: str
    erp_amount: str
    crm_amount: str

    @property
    def issued_on(self) -> str:
        return self.dates.split(" / ")[0]

    @property
    def crm_issued_on(self) -> str:
        return self.dates.split(" / ")[-1]


# Tryton numbers invoices when they are posted, in this order; so those that it has come first.
INVOICES: list[Invoice] = _table(
    Invoice,
    """
INV-0001 | A-01 | 2025-07-31 | 11200.00 | 11200.00
INV-0002 | A-02 | 2025-07-31 |  8750.00 |  8750.00
INV-0003 | A-03 | 2025-07-31 | 12800.00 | 12800.00
INV-0004 | A-05 | 2025-08-29 |  9425.00 |  9425.00
INV-0005 | A-06 | 2025-08-29 | 13600.00 | 13600.00
INV-0006 | A-07 | 2025-08-29 |  4800.00 |  4500.00
INV-0007 | A-08 | 2025-08-29 |  7290.00 |  7290.00
INV-0008 | A-09 | 2025-09-30 / 2025-09-29 | 3450.00 | 3450.00
INV-0009 | A-10 | 2025-09-30 |  6000.00 |
INV-0010 | A-11 | 2025-09-30 |  5250.00 |  5250.00
INV-0011 | A-01 | 2025-09-30 |  4690.00 |  4690.00
INV-0012 | A-02 | 2025-10-31 |  4437.50 |  4437.50
INV-0013 | A-03 | 2025-10-31 |  5800.00 |  5800.00
INV-0014 | A-04 | 2025-10-31 |  3965.00 |  3965.00
INV-0080 | A-13 | 2025-11-03 / 2025-11-10 | 1875.00 | 1875.00
INV-0090 | A-12 | 2025-10-31 |          |  2100.00
""",
)

EXPECTED = {
    # Tryton has these organisations twice; the second party has no tax identifier.
    "duplicates_in_tryton": {"A-03": ["Harbour & Finch GmbH", "Harbour and Finch"], "A-10": ["Lumen Optik GmbH", "LUMEN Optik G.m.b.H."]},
    # The CRM knows them under another spelling, and without a tax id: (CRM, Tryton).
    "other_spelling": {
        "A-02": ("Mueller und Soehne", "Müller & Söhne Maschinenbau GmbH"),
        "A-03": ("Harbour Finch", "Harbour & Finch GmbH"),
    },
    "renamed_in_crm_after_close": {"A-04": ("Nordwind Logistik SE", "Hansa Spedition GmbH")},
    # account: (number in the CRM, number in Tryton)
    "phones_differ": {"A-05": ("+49 30 23125 105", "+49 30 23125 155")},
    "prospects_only_in_crm": ["A-19", "A-20", "A-21", "A-22", "A-23"],
    "customers_only_in_tryton": ["B-24", "B-25"],
    "projects_missing_in_redmine": ["P-2012"],
    # (worker, project, month): (hours in Redmine, hours in Tryton)
    "hours_differ": {("E-02", "P-2002", "2025-09"): (Decimal("37.5"), Decimal("36"))},
    "invoices_missing_in_crm": ["INV-0009"],
    "invoices_missing_in_tryton": ["INV-0090"],
    # number: (amount in Tryton, amount in the CRM)
    "posted_invoices_with_another_amount": {"INV-0006": (Decimal("4800.00"), Decimal("4500.00"))},
    # number: (date in Tryton, date in the CRM)
    "posted_invoices_with_another_date": {"INV-0008": ("2025-09-30", "2025-09-29")},
    "draft_invoices_with_another_date": {"INV-0080": ("2025-11-03", "2025-11-10")},
}
