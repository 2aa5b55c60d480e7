"""The contract between the systems: who owns each field, who carries it, where things arise and where they go."""

from datetime import date

from hub import ownership, ownership_matrix
from hub.errors import Refused
from reconcile.web.desk import Desk, Page, link


def page(desk: Desk) -> Page:
    """The contract of the entity that is asked for, of all days or of one."""
    contract = ownership.read(desk.firm.ownership)
    entities = [name for name in desk.rules.entities if name in contract.entities]
    entity, on, legal_entity = (desk.query.get(name, "") for name in ("entity", "on", "legal_entity"))
    entity = entity or next(iter(entities), "")
    return Page(
        "ownership.html",
        {
            "entities": entities,
            "entity": entity,
            "on": on,
            "legal_entity": legal_entity,
            "legal_entities": contract.entities[entity].legal_entities if entity in contract.entities else (),
            "days": contract.days,
            "rows": ownership_matrix.rows(contract, entity, _day(on), legal_entity) if entity else [],
            "records": ownership_matrix.records(contract, entity),
            "destinations": ownership_matrix.destinations(contract),
            "link": link,
        },
    )


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as wrong:
        raise Refused(f"{said} is no day; write it as 2026-03-31") from wrong
