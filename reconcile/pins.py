"""A value that a steward pins: said of a source record, with a reason, and until a day if one is named."""

from datetime import UTC, date, datetime
from uuid import uuid4

import duckdb

from hub import entity as entities, projection
from hub.entity import Field
from hub.errors import Refused
from hub.journal import Event, Journal
from hub.normal import normal
from reconcile.decide import Decision
from reconcile.steward import Steward


def pin(steward: Steward, of: str, column: str, value: str, reason: str, until: date | None = None) -> Decision:
    """Pin a value of a hub id, or of the hub id of a record. It outranks every system until it is taken back or its day is over.

    The pin is said of a record: the one that is named, else the one that gives the value now, so that it stays with that record
    when the cluster changes. An empty value says that there is none. Raises Refused for a column that there isn't, and for a value that it can't hold.
    """
    record_ref, name = _record(steward, of, column)
    kept = _normal(steward, name, column, value)
    if not reason.strip():
        raise Refused(f"{column} of {of}: a pin outranks the systems, so say why with --reason")
    if until and until < datetime.now(UTC).date():
        raise Refused(f"{column} of {of}: {until} is over; name a day to come, or none")
    decision = f"D-{uuid4().hex[:8]}"
    body = {
        "entity": name,
        "record_ref": record_ref,
        "column": column,
        "value": kept,
        "cleared": kept is None,
        "reason": reason,
        "decision": decision,
        "command": "pin",
    }
    steward.journal.append([Event("value.pinned", record_ref, body | ({"until": until} if until else {}), steward.actor)])
    ends = f" until {until}" if until else ""
    is_now = "empty" if kept is None else repr(kept)
    return Decision(decision, "pin", name, 1, f"{column} is {is_now} by way of {record_ref}{ends}, from the next cycle on", (record_ref,))


def expire(connection: duckdb.DuckDBPyConnection, journal: Journal, today: date) -> int:
    """Take back the pins whose day is over; returns how many. The journal is told, so that a rebuild needs no clock."""
    projection.load(connection, journal)
    over = connection.execute(
        "SELECT entity, record_ref, column_name, decision, until FROM journal.pin WHERE until < ? ORDER BY seq", [today.isoformat()]
    ).fetchall()
    journal.append([
        Event("value.pinned", ref, {"entity": name, "record_ref": ref, "column": column, "value": None, "takes_back": decision, "because": f"expired after {until}"})
        for name, ref, column, decision, until in over
    ])  # fmt: skip
    return len(over)


def _record(steward: Steward, of: str, column: str) -> tuple[str, str]:
    """(record_ref, entity) that a pin is said of."""
    if ":" in of or " " in of:
        return steward.record(of)
    cluster = steward.cluster(of)
    field = next((name for name, field in steward.entity(cluster.entity).fields.items() if column in field.columns(name)), None)
    given = (
        field
        and steward.connection.execute(f"SELECT {field}_from FROM golden.{cluster.entity} WHERE hub_id = ?", [cluster.hub_id]).fetchone()
    )
    return (given[0] if given and given[0] in cluster.records else cluster.records[0]), cluster.entity


def _field(steward: Steward, name: str, column: str) -> Field:
    known = steward.entity(name).fields
    found = [field for each, field in known.items() if column in field.columns(each)]
    if not found:
        columns = ", ".join(each for field, kind in known.items() if kind.type != "reference" for each in kind.columns(field))
        raise Refused(f"{name} has no {column}; pin one of {columns}")
    if found[0].type == "reference":
        raise Refused(
            f"{column} refers to another record: it follows from what the systems say and from who is who, so decide that instead"
        )
    return found[0]


def _normal(steward: Steward, name: str, column: str, value: str) -> str | None:
    """The value as the systems' own values are kept; None for an empty one. Raises Refused for one that the column can't hold."""
    field, kind = _field(steward, name, column), steward.entity(name).columns()[column]
    if not value.strip():
        return None
    form = normal(field.type, "$value") if kind == "VARCHAR" else "$value"
    (kept,) = steward.connection.execute(f"SELECT TRY_CAST({form} AS {kind})::VARCHAR", {"value": value.strip()}).fetchone()
    if not kept or field.codes and kept not in entities.codes(field.codes):
        known = f"; use one of {', '.join(entities.codes(field.codes))}" if field.codes else ""
        raise Refused(f"{value!r} is no {field.type.replace('_', ' ')}, so {column} can't hold it{known}")
    return kept
