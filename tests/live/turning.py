"""A hub over the firm of seed.py: its real systems, each behind a proxy that hears every request, turned by plain functions."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import drop_folder
import redmine_server
import tryton_server
from cutting import Cutting, cutting

from assets import correct, observe, understand
from assets.observe import Observed
from hub import firm, journal, store
from hub.firm import Firm
from hub.journal import Event, Journal
from reconcile import plan
from reconcile.plan import Plan

SETTINGS = """\
firm: The Firm Consulting GmbH
ownership: ownership.yaml
systems:
  tryton: {{kind: tryton, url: "{tryton}", secrets: {{user: "file:secrets/user", password: "file:secrets/password"}}}}
  redmine: {{kind: redmine, url: "{redmine}", secrets: {{api_key: "file:secrets/api_key"}}}}
  crm: {{kind: ./crm, url: drop}}
"""
# Customers by their account, or by name where the CRM has none; the rest by the number that people quote.
DISCREPANCIES = """
WITH what AS (
  SELECT hub_id, code AS name FROM golden.project UNION ALL SELECT hub_id, number FROM golden.invoice
  UNION ALL SELECT hub_id, entry_number FROM golden.time_entry UNION ALL SELECT hub_id, full_name FROM golden.worker
  UNION ALL SELECT g.hub_id, COALESCE(min(a.record_id), any_value(g.legal_name)) FROM golden.customer AS g
    LEFT JOIN identity.customer AS a ON a.hub_id = g.hub_id AND a.system = 'crm' GROUP BY g.hub_id
)
SELECT f.class, COALESCE(w.name, f.record_ref, f.hub_id), f.system, f.field, f.said, f.should FROM discrepancy.found AS f LEFT JOIN what AS w ON w.hub_id = f.hub_id
"""
TRYTON_WRITES = rb'"model\.([\w.]+\.(?:create|write|delete))"'
REDMINE_WRITES = rb"(?:POST|PUT|PATCH|DELETE) /\S+"


@dataclass(frozen=True)
class Hub:
    """A hub, the servers that it integrates, and what stands in between."""

    firm: Firm
    journal: Journal
    tryton: tryton_server.Tryton
    redmine: redmine_server.Redmine
    to_tryton: Cutting
    to_redmine: Cutting

    def observe(self) -> dict[str, Observed]:
        return {name: observe.observe(self.firm, name, self.journal) for name in self.firm.systems}

    def understand(self) -> None:
        understand.understand(self.firm, self.journal)

    def plan(self) -> Plan:
        correct.make_plan(self.firm, self.journal)
        with store.writing(self.firm.hub_file) as connection:
            return plan.read(connection)

    def approve(self, made: Plan) -> None:
        """A controller's consent to all that waits for one."""
        plan.approve(self.journal, made, made.hash, "controller")

    def say_same(self, entity: str, left_ref: str, right_ref: str) -> None:
        """A steward's word on two records."""
        body = {"entity": entity, "left_ref": left_ref, "right_ref": right_ref, "verdict": "same"}
        self.journal.append([Event("match.decided", f"{left_ref} {right_ref}", body, "steward")])

    def push(self) -> dict[str, dict[str, int]]:
        return {name: correct.push_system(self.firm, name, self.journal) for name in self.firm.systems}

    def export(self, **sales: Any) -> None:
        """The CRM's next export, after what sales did."""
        drop_folder.export(self.firm.folder / "drop", **sales)

    def rows(self, query: str, *values: Any) -> list[tuple]:
        with store.writing(self.firm.hub_file) as connection:
            return connection.execute(query, values).fetchall()

    def found(self) -> dict[tuple[str, str, str, str | None], tuple[str | None, str | None]]:
        """The discrepancies: {(class, what it is about, system, field): (said there, should be)}. A customer is named by its account."""
        return {(*key, field): (_value(said, field), _value(should, field)) for *key, field, said, should in self.rows(DISCREPANCIES)}

    def writes(self) -> list[bytes]:
        """The calls that change something, of all that was asked since `forget`."""
        return self.to_tryton.heard(TRYTON_WRITES) + self.to_redmine.heard(REDMINE_WRITES)

    def forget(self) -> None:
        self.to_tryton.forget()
        self.to_redmine.forget()


@contextmanager
def over(folder: Path, tryton: tryton_server.Tryton, redmine: redmine_server.Redmine) -> Iterator[Hub]:
    """A hub that has read nothing yet, over systems as seeded, while the `with` block lasts."""
    tryton.start_over()
    redmine.start_over()
    with ExitStack() as stack:
        to_tryton, to_redmine = (stack.enter_context(cutting(each.url)) for each in (tryton, redmine))
        _write_project(folder, tryton.secrets | redmine.secrets, SETTINGS.format(tryton=to_tryton.url, redmine=to_redmine.url))
        the_firm = firm.read(folder)
        opened = journal.open(the_firm.journal)
        stack.callback(opened.close)
        yield Hub(the_firm, opened, tryton, redmine, to_tryton, to_redmine)


def _write_project(folder: Path, secrets: dict[str, str], settings: str) -> None:
    here = Path(__file__).parent
    shutil.copytree(here / "crm", folder / "crm")
    shutil.copy(here / "ownership.yaml", folder)
    (folder / "secrets").mkdir()
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value)
    (folder / "concord.yaml").write_text(settings)
    drop_folder.export(folder / "drop")


def _value(text: str | None, field: str | None) -> str | None:
    """The value of a field among its parts, as text; what has no field of its own has no value."""
    value = json.loads(text or "{}", parse_float=str).get(field)
    return None if value is None else str(value)
