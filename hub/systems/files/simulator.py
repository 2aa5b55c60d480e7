"""A legacy system that writes its customers and contacts into a drop folder, as CSV and as a workbook."""

import csv
import os
from pathlib import Path

import xlsxwriter

from hub.systems.simulator import Clock, Record, Table

COLUMNS = {
    "customers": [
        "Customer No",
        "Name",
        "Short Name",
        "Status",
        "Street",
        "Zip",
        "City",
        "State",
        "Country",
        "VAT No",
        "Register No",
        "Terms",
        "Currency",
        "Credit Limit",
        "Tax",
        "Phone",
        "E-Mail",
        "Website",
        "Industry",
        "Company Code",
        "Parent No",
        "Created On",
    ],
    "contacts": ["Contact No", "Customer No", "Name", "E-Mail", "Phone", "Position", "Invoice Recipient"],
}


class Records(Table):
    """Records by number. A number has leading zeros, which a careless reader loses."""

    def __init__(self, clock: Clock, key: str):
        super().__init__(clock, prefix="{:06d}".format)
        self.key = key

    def create(self, values: Record, record_id: str | None = None) -> str:
        record_id = super().create(values, record_id)
        self.rows[record_id][self.key] = record_id
        return record_id


class Simulator:
    """Its tables reach others only through `publish`. It serves nothing: `app` is None."""

    app = None

    def __init__(self, clock: Clock):
        self.clock = clock
        self.secrets: dict[str, str] = {}
        self.tables = {name: Records(clock, columns[0]) for name, columns in COLUMNS.items()}

    def publish(self, folder: Path) -> list[Path]:
        """Write today's files and return them. Each appears whole, under its name, once it is written."""
        folder.mkdir(parents=True, exist_ok=True)
        return [self._publish(folder, "customers", "csv", _write_csv), self._publish(folder, "contacts", "xlsx", _write_workbook)]

    def _publish(self, folder: Path, name: str, kind: str, write) -> Path:
        path = folder / f"{name}-{self.clock.at:%Y-%m-%d}.{kind}"
        draft = path.with_name(f"{path.name}.part")
        write(draft, [COLUMNS[name], *([row.get(column) for column in COLUMNS[name]] for row in self.tables[name].rows.values())])
        os.utime(draft, (self.clock.at.timestamp(),) * 2)
        return draft.rename(path)


def _write_csv(path: Path, rows: list[list]) -> None:
    with open(path, "w", encoding="cp1252", errors="replace", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)


def _write_workbook(path: Path, rows: list[list]) -> None:
    # A leading = or a web address must stay text.
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        sheet = workbook.add_worksheet("Contacts")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
