"""The simulated org: its objects and fields, record ids, and tables that stamp, delete and merge as Salesforce does."""

import string
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hub.systems.simulator import Clock, Record, Table

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECKSUM = string.ascii_uppercase + "012345"
CHILDREN = {"Account": {"Contact": "AccountId", "Opportunity": "AccountId"}}  # deleted with their parent
PERSON, INTEGRATION = "Toni Sales", "Concord Integration"  # the users of the org: who works in it, and whose token clients get
LOOKUPS = {"Account": {"Contact": "AccountId", "Opportunity": "AccountId", "Invoice__c": "Account__c", "Account": "ParentId"}}


@dataclass(frozen=True)
class Field:
    """A field as Describe shows it."""

    name: str
    type: str
    length: int = 255
    required: bool = False
    reads: bool = False  # computed by Salesforce: nobody writes it
    unique: bool = False  # an external id
    to: str = ""

    @property
    def relationship(self) -> str:
        """How SOQL calls the record that a reference points at."""
        if not self.to:
            return ""
        return self.name.removesuffix("__c") + "__r" if self.name.endswith("__c") else self.name.removesuffix("Id")

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.name,
            "type": self.type,
            "length": self.length,
            "custom": self.name.endswith("__c"),
            "nillable": not self.required,
            "createable": not self.reads,
            "updateable": not self.reads,
            "externalId": self.unique,
            "unique": self.unique,
            "idLookup": self.unique or self.type == "id",
            "referenceTo": [self.to] if self.to else [],
            "relationshipName": self.relationship or None,
        }


@dataclass(frozen=True)
class Kind:
    """An object of the org. `fields` by name in lower case: SOQL does not mind case."""

    name: str
    prefix: str
    fields: dict[str, Field]

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.name.removesuffix("__c"),
            "keyPrefix": self.prefix,
            "custom": self.name.endswith("__c"),
            "createable": True,
            "updateable": True,
            "deletable": True,
            "queryable": True,
        }


def kinds() -> dict[str, Kind]:
    """The objects of the org, by name."""
    said = yaml.safe_load((Path(__file__).parent / "org.yaml").read_text())
    every = said.pop("every")
    return {
        name: Kind(name, spec["prefix"], {field.lower(): _field(field, how) for field, how in {**every, **spec["fields"]}.items()})
        for name, spec in said.items()
    }


def record_id(prefix: str, number: int) -> str:
    """The 18-character id of an object's n-th record."""
    text = ""
    for _ in range(5):
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return long_id(f"{prefix}5e00000{text}")


def long_id(short: str) -> str:
    """An id of 15 characters with the 3 that tell which of them are upper case, so that case may get lost; 18 stay as they are."""
    if len(short) != 15:
        return short
    chunks = [short[start : start + 5] for start in (0, 5, 10)]
    return short + "".join(CHECKSUM[sum(1 << place for place, letter in enumerate(chunk) if letter.isupper())] for chunk in chunks)


@cache
def user_id(name: str) -> str:
    return record_id("005", (PERSON, INTEGRATION).index(name) + 1)


def users(kind: Kind) -> dict[str, Record]:
    """The rows of the org's users."""
    blank = {field.name: None for field in kind.fields.values()} | {"IsDeleted": False}
    return {user_id(name): blank | {"Id": user_id(name), "Name": name} for name in (PERSON, INTEGRATION)}


def stamp_text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class SObject(Table):
    """The records of one object, with the recycle bin: `bin` holds deleted ones, IsDeleted and MasterRecordId set."""

    def __init__(self, clock: Clock, kind: Kind, org: dict[str, "SObject"]):
        super().__init__(clock, _stamp, lambda number: record_id(kind.prefix, number))
        self.kind, self.org, self.bin = kind, org, {}
        self.carriers: dict[str, set[str]] = {}  # external id -> ids of records that carry or carried it

    def create(self, values: Record, record_id: str | None = None) -> str:
        record_id = long_id(record_id) if record_id else self.prefix(next(self.numbers))
        blank = {field.name: False if field.type == "boolean" else None for field in self.kind.fields.values()}
        return super().create({**blank, **self._parts(values), "Id": record_id}, record_id)

    def update(self, record_id: str, values: Record) -> None:
        super().update(record_id, self._parts(values))

    def delete(self, record_id: str, into: str | None = None) -> Record:
        """Move a record to the recycle bin; its children go with it, or over to the record that it was merged into."""
        record = super().delete(record_id, into)
        record |= {"IsDeleted": True, "SystemModstamp": stamp_text(self.gone[record_id][0])}
        if "MasterRecordId" in record:
            record["MasterRecordId"] = into
        self.bin[record_id] = record
        self._release(record_id, into)
        return record

    def undelete(self, record_id: str) -> None:
        """Take a record out of the recycle bin."""
        del self.gone[record_id]
        self.rows[record_id] = self.bin.pop(record_id) | {"IsDeleted": False}
        self._touch(record_id, created=False)

    def carrying(self, field: Field, value: str) -> list[Record]:
        """The live records with this value in an external-id field."""
        found = (self.rows.get(record_id) for record_id in sorted(self.carriers.get(value.casefold(), ())))
        return [row for row in found if row and str(row[field.name]).casefold() == value.casefold()]

    def _touch(self, record_id: str, created: bool) -> None:
        super()._touch(record_id, created)
        for field in self.kind.fields.values():
            if field.unique and (value := self.rows[record_id][field.name]):
                self.carriers.setdefault(value.casefold(), set()).add(record_id)

    def _release(self, record_id: str, into: str | None) -> None:
        for child, field in LOOKUPS.get(self.kind.name, {}).items():
            for key, row in list(self.org[child].rows.items()):
                if row[field] == record_id and not into and child in CHILDREN[self.kind.name]:
                    self.org[child].delete(key)
                elif row[field] == record_id:
                    self.org[child].update(key, {field: into})

    def _parts(self, values: Record) -> Record:
        """Whoever seeds a contact by its Name means the two parts that Salesforce keeps."""
        if self.kind.name != "Contact" or "Name" not in values:
            return values
        first, _, last = (values["Name"] or "").rpartition(" ")
        return {name: value for name, value in values.items() if name != "Name"} | {"FirstName": first or None, "LastName": last}


def _field(name: str, how: str | dict[str, Any]) -> Field:
    return Field(name, **(how if isinstance(how, dict) else {"type": how}))


def _stamp(record: Record, at: datetime, created: bool) -> None:
    stamp = stamp_text(at)
    record |= {"LastModifiedDate": stamp, "LastModifiedById": user_id(PERSON), "SystemModstamp": stamp}
    if created:
        record["CreatedDate"] = stamp
    if "LastName" in record:
        record["Name"] = " ".join(filter(None, [record["FirstName"], record["LastName"]]))
    if "StageName" in record:
        record |= {"IsClosed": str(record["StageName"]).startswith("Closed"), "IsWon": record["StageName"] == "Closed Won"}
    if "BillingCity" in record:
        address = {
            part[0].lower() + part[1:]: record[f"Billing{part}"] for part in ("Street", "City", "PostalCode", "State", "CountryCode")
        }
        record["BillingAddress"] = address if any(address.values()) else None
