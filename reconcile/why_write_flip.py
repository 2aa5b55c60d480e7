"""What would change a planned write: consent, a steward's word, another value in a source; applied to the models before it is said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from hub.rules import Rules
from reconcile.why_remade import Remade
from reconcile.why_write import Write
from reconcile.why_write_possible import possible
from reconcile.why_write_subject import Subject


@dataclass(frozen=True)
class Turn:
    """Something that would change a write, and what it would be then.

    says      in words
    changes   what, record_ref, columns: for a machine
    status    of the line then; `none` when there would be none; None when it could not be applied
    want      what would be written then, JSON by column
    """

    says: str
    changes: dict[str, Any]
    status: str | None = None
    want: str | None = None

    @property
    def is_checked(self) -> bool:
        return self.status is not None


def turns(connection: duckdb.DuckDBPyConnection, write: Write, queries: Mapping[str, str], rules: Rules) -> list[Turn]:
    """What would change the write, each applied by itself. Without the compiled models nothing can be applied, and so nothing is said."""
    if not queries or not write.subject.hub_id:
        return []
    found = [_applied(connection, write.subject, queries, *each) for each in possible(connection, write, rules)]
    return [each for each in found if (each.status, each.want) != (write.status, (write.subject.line or {}).get("want"))]


def _applied(
    connection: duckdb.DuckDBPyConnection,
    subject: Subject,
    queries: Mapping[str, str],
    says: str,
    changes: dict,
    do: Callable[[Remade], None] | None,
) -> Turn:
    if do is None:
        return Turn(says, changes)
    remade = Remade(connection, queries, subject.of, subject.hub_id)
    do(remade)
    remade.make()
    line = next((each for each in remade.lines() if _is_it(each, subject)), None)
    return Turn(says, changes, line["status"] if line else "none", line and line["want"])


def _is_it(line: Mapping[str, Any], subject: Subject) -> bool:
    record_id = subject.record_ref and subject.record_ref.split(":", 2)[2]
    return (line["system"], line["object"], line["record_id"], line["field"] or "create") == (
        subject.system,
        subject.object,
        record_id,
        subject.field,
    )
