"""A drop folder of CSV, XLSX, Parquet and NDJSON files, https://docs.pola.rs. Each newest file is one full read of its object.

Nothing is written back: who owns the files corrects them.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl

from hub.errors import ContractBroken, SystemUnavailable
from hub.mapping import Object, System
from hub.systems.connector import Connection, Outcome, Page, Seen, Write
from hub.systems.files import folder, table

PAGE = 50_000


def connect(system: System, connection: Connection) -> "Files":
    for each in system.objects.values():
        folder.options(f"{system.system} {each.name}", each.read)
    return Files(system.system, Path(connection.url))


class Files:
    def __init__(self, name: str, home: Path):
        self.name, self.home = name, home

    def read(self, each: Object, since: str | None) -> Iterator[Page]:
        """Every record, whatever the watermark: a file says all again."""
        records = self._records(each)
        fields = frozenset(records.columns)
        for start in range(0, records.height, PAGE):
            yield Page(records.slice(start, PAGE).to_dicts(), last=start + PAGE >= records.height, fields=fields)

    def look(self, each: Object, record_ids: Sequence[str], fields: Collection[str] = ()) -> dict[str, Seen]:
        """What the newest files show. A record that they leave out is unknown: absence from a file is no deletion."""
        try:
            records = self._records(each)
        except (ContractBroken, SystemUnavailable):
            return dict.fromkeys(record_ids, Seen("unknown"))
        there = {row[each.key]: Seen("there", row) for row in records.filter(pl.col(each.key).is_in(list(record_ids))).to_dicts()}
        return dict.fromkeys(record_ids, Seen("unknown")) | there

    def find(self, each: Object, hub_ids: Sequence[str]) -> dict[str, list[str]]:
        if not each.external_id:
            return {}
        records = self._records(each).filter(pl.col(each.external_id).is_in(list(hub_ids)))
        grouped = records.group_by(each.external_id, maintain_order=True).agg(pl.col(each.key))
        return dict(grouped.iter_rows())

    def write(self, each: Object, writes: Sequence[Write]) -> list[Outcome]:
        message = (
            f"{self.name} {each.name} is delivered as files, which the hub does not change; have it corrected where the files come from"
        )
        return [Outcome(write.key, "rejected", write.record_id, message) for write in writes]

    def close(self) -> None:
        """Files are closed as soon as they are read."""

    def _records(self, each: Object) -> pl.DataFrame:
        where = f"{self.name} {each.name}"
        wanted = folder.options(where, each.read)
        try:
            tables = [self._table(f"{where} {path.name}", path, each, wanted) for path in folder.files(where, self.home, wanted)]
        except OSError as failure:
            raise SystemUnavailable(
                f"{where}: {failure.strerror} {failure.filename}; see if the folder is there and may be read"
            ) from failure
        return pl.concat(tables, how="diagonal")

    def _table(self, where: str, path: Path, each: Object, wanted: folder.Options) -> pl.DataFrame:
        before = folder.settled(where, path)
        records = table.read(where, path, wanted)
        folder.check_unchanged(where, path, before)
        return _keyed(where, records, each, wanted)


def _keyed(where: str, records: pl.DataFrame, each: Object, wanted: folder.Options) -> pl.DataFrame:
    """The records with their key, once each. Raises ContractBroken when a promised column is missing or a key stands twice."""
    needed = (each.source_fields().keys() - {each.key if wanted.key else None}) | set(wanted.key)
    if missing := sorted(needed - set(records.columns)):
        raise ContractBroken(f"{where}: the header has no {', '.join(missing)}; correct system.yaml or read.header_row")
    if wanted.key:
        records = records.with_columns(pl.concat_str(wanted.key, separator="|").alias(each.key))
    keys = records[each.key].drop_nulls()
    if keys.n_unique() < len(keys):
        twice = keys.filter(keys.is_duplicated())
        raise ContractBroken(
            f"{where}: {len(twice)} rows share a key, the first is {twice[0]}; correct the file, or name more columns in read.key"
        )
    return records
