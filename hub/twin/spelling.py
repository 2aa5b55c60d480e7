"""How the same fact is spelled elsewhere: other legal forms, missing umlauts, typos, old addresses, half-filled records."""

import re
from collections.abc import Callable
from random import Random

from hub.twin import names
from hub.twin.people import Row

LONG_FORMS = {
    "GmbH & Co. KG": "GmbH & Co KG",
    "GmbH": "Gesellschaft mbH",
    "AG": "Aktiengesellschaft",
    "Ltd": "Limited",
    "plc": "PLC",
    "Inc.": "Incorporated",
    "Corp.": "Corporation",
    "B.V.": "BV",
    "N.V.": "NV",
    "SAS": "S.A.S.",
    "SARL": "S.à r.l.",
    "SA": "S.A.",
    "LLC": "L.L.C.",
    "LLP": "LLP",
    "SE": "SE",
}
NICKNAMES = {
    "Katharina": "Kathi",
    "William": "Bill",
    "Elizabeth": "Liz",
    "Robert": "Bob",
    "Margaret": "Peggy",
    "Bastian": "Basti",
    "David": "Dave",
}


def customer(system: str, draw: Random, row: Row) -> Row:
    """A customer as a system's people keep it."""
    return _CUSTOMER.get(system, _exact)(draw, dict(row))


def contact(system: str, draw: Random, row: Row) -> Row:
    row = dict(row)
    if system == "files":
        row["full_name"] = ", ".join(reversed(row["full_name"].rsplit(" ", 1)))
    return row | ({"email": None} if draw.random() < 0.12 else {}) | ({"phone": national(row["phone"])} if draw.random() < 0.5 else {})


def worker(system: str, draw: Random, row: Row) -> Row:
    """Delivery knows people by the name they go by, and not always by their number."""
    row, given = dict(row), row["full_name"].split(" ", 1)[0]
    if system == "kantata":
        row["full_name"] = row["full_name"].replace(given, NICKNAMES.get(given, given), 1)
        return row | ({"employee_number": None} if draw.random() < 0.3 else {})
    if system == "netsuite":
        row["full_name"] = names.written_out(row["full_name"])
    return row


def _sales(draw: Random, row: Row) -> Row:
    """Sales writes names as it hears them and rarely knows a tax number."""
    spell = draw.choice((str, str, str, long_form, _without_form, typo))
    row |= {
        "legal_name": spell(row["legal_name"]) if spell is not typo else typo(draw, row["legal_name"]),
        "phone": national(row["phone"]),
        "website": draw.choice(("https://www.{}", "www.{}", "{}")).format(row["website"]),
    }
    return row | _missing(
        draw, row, tax_id=0.6, registration_number=0.8, email=0.5, billing_address=0.3 if row["life_cycle"] == "prospect" else 0.05
    )


def _legal(draw: Random, row: Row) -> Row:
    """Contracts carry the full legal form."""
    return row | {"legal_name": long_form(row["legal_name"])} | _missing(draw, row, phone=0.5, website=0.5, tax_id=0.3)


def _delivery(draw: Random, row: Row) -> Row:
    """Delivery says what it says on the door."""
    return (
        row | {"legal_name": row["trade_name"] if draw.random() < 0.5 else row["legal_name"]} | _missing(draw, row, tax_id=0.9, phone=0.3)
    )


def _finance(draw: Random, row: Row) -> Row:
    """Finance signs with the name, so it is right, but for umlauts here and there; tax numbers as printed on letters."""
    row |= {
        "legal_name": names.written_out(row["legal_name"]) if draw.random() < 0.15 else row["legal_name"],
        "tax_id": spaced(row["tax_id"]) if draw.random() < 0.3 else row["tax_id"],
    }
    return row | _missing(draw, row, tax_id=0.05, website=0.4)


def _archive(draw: Random, row: Row) -> Row:
    """Capitals, abbreviated streets, and every seventh address out of date."""
    row |= {
        "legal_name": names.written_out(row["legal_name"]).upper(),
        "billing_address_street": short_street(row["billing_address_street"]),
        "phone": national(row["phone"]),
    }
    if draw.random() < 0.15:
        row |= {f"billing_address_{part}": value for part, value in names.address(draw, row["billing_address_country"]).items()}
    return row | _missing(draw, row, tax_id=0.35, phone=0.2)


def _exact(draw: Random, row: Row) -> Row:
    return row


_CUSTOMER: dict[str, Callable[[Random, Row], Row]] = {
    "salesforce": _sales,
    "ironclad": _legal,
    "kantata": _delivery,
    "netsuite": _finance,
    "files": _archive,
}


def long_form(name: str) -> str:
    """The name with its legal form written in another usual way."""
    for short, long in LONG_FORMS.items():
        if name.endswith(f" {short}"):
            return f"{name.removesuffix(short)}{long}"
    return name


def typo(draw: Random, text: str) -> str:
    """Two neighbouring letters of the first word swapped."""
    at = draw.randrange(1, len(text.split()[0]) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def national(phone: str) -> str:
    """An E.164 number as people of the country write it."""
    for code in ("+49", "+43", "+41", "+33", "+44", "+31"):
        if phone.startswith(code):
            return f"0{phone[3:5]} {phone[5:]}"
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"


def spaced(tax_id: str) -> str:
    """A tax number in groups, as letterheads show it."""
    letters, rest = re.fullmatch(r"([A-Z]*)(.*)", tax_id).groups()
    return " ".join(filter(None, [letters, rest[:3], rest[3:6], rest[6:]]))


def short_street(street: str) -> str:
    return names.written_out(street).replace("strasse", "str.").replace("Street", "St").replace("Avenue", "Ave")


def _without_form(name: str) -> str:
    return next((name.removesuffix(f" {form}") for form in LONG_FORMS if name.endswith(f" {form}")), name)


def _missing(draw: Random, row: Row, **shares: float) -> Row:
    """The fields that a record lacks: each in about this share of the records. An address lacks as a whole."""
    lacking = [name for name, share in shares.items() if draw.random() < share]
    return {column: None for column in row if any(column == name or column.startswith(f"{name}_") for name in lacking)}
