"""What people do in the systems of the small firm, drawn by the seed."""

from random import Random
from typing import Any

from tests.simulation import sent
from tests.simulation.judge import KEYS, Judge

TERMS = {"salesforce": ["N15", "N30", "N60"], "netsuite": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}
POSTED = {"id": "A"}
# What the hub creates: where it comes from, where it is to be, and what may become of it meanwhile.
NEW = (
    ("salesforce", "Account", "netsuite", "customer", lambda number: {"Name": f"Kunde {number}"}),
    ("netsuite", "customer", "salesforce", "Account", lambda number: {"companyName": f"Firma {number} AG"}),
    ("netsuite", "invoice", "salesforce", "Invoice__c", lambda number: {"status": {"id": "B"}, "amountRemaining": 0.0}),
)


class People:
    """Everybody who works in the two systems. Each act returns a sentence that says what was done."""

    def __init__(self, simulators: dict[str, Any], holds: list[str], draw: Random, judge: Judge | None = None, first: int = 100):
        self.simulators, self.draw, self.judge, self.numbers = simulators, draw, judge, first
        customers = [
            self.renames,
            self.moves_site,
            self.renames_in_crm,
            self.moves_site_in_erp,
            self.changes_terms,
            self.signs,
            self.signs,
            self.signs,
        ]
        customers += [self.signs_by_hand_twice, self.deletes, self.merges, self.both_at_once]
        invoices = [self.posts, self.posts, self.is_paid, self.moves_due_date, self.moves_due_date_in_erp, self.drafts, self.closes_period]
        invoices += [self.misstates_amount, self.posts_by_hand_twice, self.dates_a_draft]
        self.acts = [*(customers * ("customers" in holds)), *(invoices * ("invoices" in holds))]

    def act(self) -> str:
        return self.draw.choice(self.acts)()

    def rival(self, system: str, path: str, body: bytes) -> str:
        """Somebody edits a field of a record in the moment in which the hub writes it."""
        for each in sent.of(system, path, body):
            fields = [name for name in ("Name", "Website", "companyName", "url") if name in each.body]
            if fields and each.record_id in self._rows(system, each.object):
                return self._edits(system, each.object, each.record_id, **{fields[0]: f"rival{self._number()}.example"})
        return "nobody was there"

    # The firm as it is when it opens

    def found(self, holds: list[str], count: int = 5) -> None:
        for number in range(count):
            accounts = self._customer(number) if "customers" in holds else (None, None)
            if "invoices" in holds:
                self._invoice(number, *accounts)

    def _customer(self, number: int) -> tuple[str, str]:
        site, key = f"firma{number}.example", f"HRB {1000 + number}"
        return (
            self._create("salesforce", "Account", self._account(f"Firma {number}", key, site)),
            self._create("netsuite", "customer", self._debtor(f"Firma {number}", key, site)),
        )

    def _invoice(self, number: int, account: str | None, debtor: str | None) -> None:
        is_posted, currency = number % 2 == 0, ("USD", "1") if number == 3 else ("EUR", "4")
        self._bill(f"INV-{number}", "A" if is_posted else "D", 100.5 + number, currency[1], debtor)
        if is_posted:
            self._mirror(f"INV-{number}", "Posted", 100.5 + number, currency[0], account)

    # Customers

    def renames(self) -> str:
        return self._edits("netsuite", "customer", companyName=f"Firma {self._number()} AG")

    def renames_in_crm(self) -> str:
        return self._edits("salesforce", "Account", Name=f"Kunde {self._number()}")

    def moves_site(self) -> str:
        return self._edits("salesforce", "Account", Website=f"neu{self._number()}.example")

    def moves_site_in_erp(self) -> str:
        return self._edits("netsuite", "customer", url=f"hand{self._number()}.example")

    def changes_terms(self) -> str:
        return self._edits("netsuite", "customer", terms=self.draw.choice(TERMS["netsuite"]))

    def both_at_once(self) -> str:
        return self._edits(
            "salesforce", "Account", Website=f"neu{self._number()}.example", Name=f"Kunde {self._number()}", Phone="+49 30 5550100"
        )

    def signs(self) -> str:
        number = self._number()
        if self.draw.random() < 0.7:
            return self._told(
                "salesforce",
                "Account",
                self._create("salesforce", "Account", self._account(f"Neu {number}", f"HRB {number}", f"n{number}.example")),
                "signed",
            )
        return self._told(
            "netsuite",
            "customer",
            self._create("netsuite", "customer", self._debtor(f"Neu {number}", f"HRB {number}", f"n{number}.example")),
            "signed",
        )

    def signs_by_hand_twice(self) -> str:
        """Somebody enters by hand what the other system has and this one not yet."""
        known = {row[KEYS["customer"]] for row in self._rows("netsuite", "customer").values()}
        for key, row in sorted(self._rows("salesforce", "Account").items()):
            if row["Registration_Number__c"] not in known:
                made = self._create("netsuite", "customer", self._debtor(row["Name"], row["Registration_Number__c"], row["Website"]))
                return self._told("netsuite", "customer", made, f"entered by hand, of {key}")
        return self.signs()

    def corrects_what_is_new(self) -> str:
        """Somebody edits what one system has and the other does not yet: what is to be created, or is on its way."""
        for source, name, target, other, values in NEW:
            known = {row[KEYS[other]] for row in self._rows(target, other).values()}
            for key, row in sorted(self._rows(source, name).items(), reverse=True):
                if row[KEYS[name]] not in known and row.get("status", POSTED) == POSTED:
                    return self._edits(source, name, key, **values(self._number()))
        return self.act()

    def deletes(self) -> str:
        system, name = self.draw.choice([("salesforce", "Account"), ("netsuite", "customer")])
        if self.draw.random() < 0.5 or not (key := self._one(system, name)) or self._is_referred_to(key):
            return self.renames()
        self.simulators[system].tables[name].delete(key)
        self._note(system, name, key, deleted=True)
        return f"{system} {name} {key} deleted"

    def merges(self) -> str:
        keys = sorted(self._rows("salesforce", "Account"))
        if self.draw.random() < 0.5 or len(keys) < 3:
            return self.moves_site()
        gone, into = self.draw.sample(keys, 2)
        self.simulators["salesforce"].tables["Account"].delete(gone, into)
        self._note("salesforce", "Account", gone, deleted=True)
        return f"salesforce Account {gone} merged into {into}"

    # Invoices

    def drafts(self) -> str:
        number = self._number()
        debtor = self._one("netsuite", "customer")
        key = self._bill(f"INV-{number}", "D", float(number), self.draw.choice("14"), debtor)
        return self._told("netsuite", "invoice", key, "drafted")

    def posts(self) -> str:
        if drafts := self._with_status("D"):
            return self._edits("netsuite", "invoice", self.draw.choice(drafts), status={"id": "A"})
        return self.drafts()

    def closes_period(self) -> str:
        for key in self._with_status("D"):
            self._edits("netsuite", "invoice", key, status={"id": "A"})
        return "the period was closed: every draft is posted"

    def is_paid(self) -> str:
        if posted := self._with_status("A"):
            return self._edits("netsuite", "invoice", self.draw.choice(posted), status={"id": "B"}, amountRemaining=0.0)
        return self.posts()

    def moves_due_date(self) -> str:
        if not self._rows("salesforce", "Invoice__c"):
            return self.posts()
        return self._edits("salesforce", "Invoice__c", Due_Date__c=f"2026-12-{self.draw.randrange(10, 28)}")

    def moves_due_date_in_erp(self) -> str:
        if drafts := self._with_status("D"):
            return self._edits("netsuite", "invoice", self.draw.choice(drafts), dueDate=f"2026-12-{self.draw.randrange(10, 28)}")
        return self.drafts()

    def dates_a_draft(self) -> str:
        """Sales know of a draft, and say when it is due: a correction of what may be posted at any moment."""
        for key in self._with_status("D"):
            row = self._rows("netsuite", "invoice")[key]
            if row["tranId"] not in {each["Name"] for each in self._rows("salesforce", "Invoice__c").values()}:
                currency, account = {"1": "USD", "4": "EUR"}[row["currency"]["id"]], self._one("salesforce", "Account")
                made = self._mirror(row["tranId"], "Draft", row["total"], currency, account)
                return self._edits("salesforce", "Invoice__c", made, Due_Date__c=f"2026-12-{self.draw.randrange(10, 28)}")
        return self.moves_due_date()

    def misstates_amount(self) -> str:
        if not self._rows("salesforce", "Invoice__c"):
            return self.posts()
        return self._edits("salesforce", "Invoice__c", Amount__c=float(self._number()))

    def posts_by_hand_twice(self) -> str:
        """Sales enter by hand an invoice that finance has and they do not."""
        known = {row["Name"] for row in self._rows("salesforce", "Invoice__c").values()}
        for key, row in sorted(self._rows("netsuite", "invoice").items()):
            if row["tranId"] not in known:
                account = self._one("salesforce", "Account")
                made = self._mirror(row["tranId"], "Draft", row["total"], {"1": "USD", "4": "EUR"}[row["currency"]["id"]], account)
                return self._told("salesforce", "Invoice__c", made, f"entered by hand, of {key}")
        return self.posts()

    # The hands

    def _rows(self, system: str, name: str) -> dict[str, Any]:
        return self.simulators[system].tables[name].rows

    def _one(self, system: str, name: str) -> str | None:
        keys = sorted(self._rows(system, name))
        return self.draw.choice(keys) if keys else None

    def _with_status(self, status: str) -> list[str]:
        return sorted(key for key, row in self._rows("netsuite", "invoice").items() if row["status"]["id"] == status)

    def _is_referred_to(self, key: str) -> bool:
        papers = [*self._rows("netsuite", "invoice").values(), *self._rows("salesforce", "Invoice__c").values()]
        return any(key in (row.get("Account__c"), (row.get("entity") or {}).get("id")) for row in papers)

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _edits(self, system: str, name: str, key: str | None = None, **values: Any) -> str:
        if not (key := key or self._one(system, name)):
            return f"nobody finds anything in {system} {name}"
        self.simulators[system].tables[name].update(key, values)
        return self._told(system, name, key, ", ".join(f"{field} is now {value}" for field, value in values.items()))

    def _create(self, system: str, name: str, values: dict[str, Any]) -> str:
        return self.simulators[system].tables[name].create(values)

    def _told(self, system: str, name: str, key: str, what: str) -> str:
        self._note(system, name, key)
        return f"{system} {name} {key}: {what}"

    def _note(self, system: str, name: str, key: str, deleted: bool = False) -> None:
        if self.judge:
            self.judge.touched(system, name, key)
            self.judge.deleted_by_hand += deleted

    def _account(self, name: str, key: str, site: str) -> dict[str, Any]:
        return {
            "Name": name,
            "Type": "Customer - Direct",
            "Registration_Number__c": key,
            "Website": site,
            "Payment_Terms__c": "N30",
            "Legal_Entity__c": "DE01",
        }

    def _debtor(self, name: str, key: str, site: str) -> dict[str, Any]:
        return {
            "companyName": name,
            "entityStatus": {"id": "13"},
            KEYS["customer"]: key,
            "url": site,
            "terms": {"id": "2"},
            "subsidiary": {"id": "2"},
        }

    def _bill(self, number: str, status: str, amount: float, currency: str, debtor: str | None) -> str:
        values = {"tranId": number, "status": {"id": status}, "dueDate": "2026-12-01", "total": amount, "amountRemaining": amount}
        return self._create("netsuite", "invoice", values | {"currency": {"id": currency}} | ({"entity": {"id": debtor}} if debtor else {}))

    def _mirror(self, number: str, status: str, amount: float, currency: str, account: str | None) -> str:
        values = {"Name": number, "Status__c": status, "Due_Date__c": "2026-12-01", "Amount__c": amount, "Open_Amount__c": amount}
        return self._create("salesforce", "Invoice__c", values | {"CurrencyIsoCode": currency, "Account__c": account})
