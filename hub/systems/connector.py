"""What every system's connector can do. A connector speaks HTTP (or files) and knows nothing of DuckDB."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from hub.mapping import Object

Record = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Some records as the system sent them.

    rows       parsed JSON values: text, numbers, booleans, None, nested dicts
    last       whether the system itself said that this is the end. A read whose last page never came is partial.
    watermark  where the next incremental read starts, once all pages are in; None: use the largest `changed` seen
    fields     every field the system offers for the object, if it tells; else the keys of the rows are looked at
    """

    rows: list[Record]
    last: bool
    watermark: str | None = None
    fields: frozenset[str] | None = None


class Seen(NamedTuple):
    """What looking for one record by id found.

    state    there, deleted, merged, or unknown (no permission, no answer: never taken for a deletion)
    row      the record, when there
    version  the system's own precondition token (ETag, _timestamp, SystemModstamp), when it has one
    into     the id it was merged into
    """

    state: Literal["there", "deleted", "merged", "unknown"]
    row: Record | None = None
    version: str | None = None
    into: str | None = None


class Write(NamedTuple):
    """One correction of one record, in the system's own words.

    record_id  None for a create
    hub_id     goes into the object's external-id field, and is the idempotency means of a create
    body       the system's fields, nested where the mapping says so, without the external id
    version    as `Seen.version` said just before; the write must fail if the record moved on since
    """

    key: str
    action: Literal["create", "update"]
    record_id: str | None
    hub_id: str
    body: Record
    version: str | None = None


class Outcome(NamedTuple):
    """What became of one write.

    acknowledged  the system said yes; record_id is set
    rejected      the system said no, nothing changed; message in its words
    moved         the precondition failed: somebody else was there first
    in_doubt      no answer, or one that does not tell
    """

    key: str
    state: Literal["acknowledged", "rejected", "moved", "in_doubt"]
    record_id: str | None = None
    message: str = ""


def refusal(write: Write, seen: Seen, see: str) -> Outcome | None:
    """Why an update is not sent to a record that was looked at just before: it can't be seen, or is no longer as the write expects it.

    see  what to look into when it can't be seen

    For systems without a precondition of their own whose versions are digests: there is nothing in them to tell.
    """
    if seen.state == "unknown":
        return Outcome(write.key, "rejected", write.record_id, f"not sent: the record could not be read just before; see {see}")
    if seen.version != write.version:
        return Outcome(write.key, "moved", write.record_id, f"{seen.state}, and not as it was looked at")
    return None


class Connector(Protocol):
    """Reads and writes one system. Reads are retried inside; a write is sent once, ever."""

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        """All records, or those changed at or after the watermark `since`. With `gone` fields mapped, deleted ones too.

        Raises ContractBroken when the object or a promised field is no longer there, SystemUnavailable when it can't be read.
        """

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        """The present state of some records, by id; one entry for each id asked for.

        fields  the source fields that are asked for, all of them unless said; a system may tell more
        """

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        """Record ids that carry these hub ids in the external-id field, {hub_id: [record_id]}; none found: no entry."""

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        """Send writes, in the vendor's batch where it has one; one outcome each, in order. Never raises for a single record."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class Connection:
    """Where a system is, and how to get in.

    secrets  by name as system.yaml's `auth.secrets` lists them; their values never appear in `repr`
    budget   the file in which all workers of this machine count their requests
    """

    url: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: Path | None = None
