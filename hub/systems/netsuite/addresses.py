"""The address book of a simulated customer: a sublist of lines with keys."""

import itertools
from collections.abc import Callable

from hub.systems.simulator import Record


class AddressBook:
    """Sets lines of customers' address books. Keys are unique in the account."""

    def __init__(self) -> None:
        self.numbers = itertools.count(501)

    def set_billing(self, record: Record, address: Record) -> None:
        """Set parts of the default billing address."""
        self._set(record, {"defaultBilling": True, "addressBookAddress": address}, lambda line: line["defaultBilling"])

    def set_lines(self, record: Record, lines: list[Record]) -> None:
        """Change the lines whose key is known, add the others ("Updating a Sublist")."""
        for values in lines:
            self._set(record, values, lambda line, key=values.get("internalId"): line["internalId"] == key)

    def _set(self, record: Record, values: Record, is_it: Callable[[Record], bool]) -> None:
        book = record.setdefault("addressBook", {"items": []})["items"]
        line = next((line for line in book if is_it(line)), None)
        if line is None:
            number = next(self.numbers)
            line = {"id": number, "internalId": number, "addressId": str(number), "defaultBilling": False, "addressBookAddress": {}}
            book.append(line)
        if values.get("defaultBilling"):
            for other in book:
                other["defaultBilling"] = False
        line |= values | {"addressBookAddress": line["addressBookAddress"] | values.get("addressBookAddress", {})}
