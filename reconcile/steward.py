"""A person who decides, and what they see: the newest cut, and all that was said since."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import duckdb
import polars as pl

from hub import projection
from hub.entity import Entity
from hub.errors import Refused
from hub.journal import Journal
from hub.rules import Rules
from reconcile import decided, hub_ids, meant


@dataclass(frozen=True)
class Cluster:
    """The live records of a hub id."""

    hub_id: str
    entity: str
    records: list[str]


@dataclass(frozen=True)
class Steward:
    """Who decides. `connection` is to a cut; what the journal holds beyond it is read from the journal."""

    connection: duckdb.DuckDBPyConnection
    journal: Journal
    rules: Rules
    actor: str

    @cached_property
    def _since(self) -> str:
        """The temporary table of the events that the cut does not know."""
        after = self.connection.execute("SELECT coalesce(max(seq), 0) FROM journal.event").fetchone()[0]
        self.connection.register("arriving", self.journal.table(after))
        self.connection.execute(
            'CREATE OR REPLACE TEMP TABLE spoken_since AS SELECT seq, "at" AS happened_at, actor, kind, body::JSON AS body FROM arriving'
        )
        self.connection.unregister("arriving")
        return "spoken_since"

    def spoken(self, sql: str, kind: str) -> pl.DataFrame:
        """Words on pairs or pins on values, as hub.projection's SPOKEN, STANDING, PINNED or HOLDING has it, with `at`."""
        both = " UNION ALL ".join(
            f"SELECT seq, actor, happened_at, body FROM {table} WHERE kind = '{kind}'" for table in ("journal.event", self._since)
        )
        return self.connection.execute(f"""
          WITH everything AS MATERIALIZED ({both})
          SELECT s.*, e.happened_at AS at FROM ({sql.format(said="everything")}) AS s JOIN everything AS e ON e.seq = s.seq ORDER BY s.seq""").pl()

    def words(self, entity: str) -> pl.DataFrame:
        """What stands of an entity's records, as it holds for those of today."""
        decided.survivors(self.connection, [entity])
        standing = self.spoken(projection.STANDING, "match.decided").filter(pl.col("entity") == entity)
        return decided.today(self.connection, standing.select(decided.WORDS.keys()).cast(decided.WORDS))

    def record(self, said: str) -> tuple[str, str]:
        """(record_ref, entity) of a record as people name it. Raises NotThere for one that is not in the cut."""
        found = meant.record(self.connection, said, self.rules)
        return found.refs[0], self._resolved(found.entity, found.refs[0])

    def cluster(self, hub_id: str) -> Cluster:
        """The cluster that a hub id leads to today. Raises Refused for an id that was never issued or has no live record."""
        now = hub_ids.resolve(self.connection, hub_id, datetime.now(UTC).replace(tzinfo=None)).now
        entity = self.connection.execute("SELECT any_value(entity) FROM journal.crossref WHERE hub_id = ?", [now]).fetchone()[0]
        live = self.connection.execute(
            f"""SELECT c.record_ref FROM canonical.{self._resolved(entity, hub_id)} AS c JOIN journal.crossref AS x ON x.record_ref = c.record_ref
            WHERE x.hub_id = ? AND c.is_live ORDER BY c.record_ref""",
            [now],
        ).fetchall()
        if not live:
            raise Refused(f"{hub_id} has no record any more that its system shows; nothing can be decided of it")
        return Cluster(now, entity, [ref for (ref,) in live])

    def entity(self, name: str) -> Entity:
        return self.rules.entities[name]

    def _resolved(self, entity: str, said: str) -> str:
        if not self.rules.is_matched(entity):
            raise Refused(
                f"{said} is a {entity}: these are told apart by their own number, so there is nothing to decide; correct the number"
            )
        return entity
