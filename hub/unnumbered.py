"""Does not believe at once that a document lost the number which it is known by: it would be another thing to the hub.

A system that leaves empty fields out of its answers says so whenever it leaves one out by mistake.
"""

import duckdb

from hub import entity
from hub.mapping import Object
from hub.snapshot import Manifest


def hold(connection: duckdb.DuckDBPyConnection, target: str, each: Object, m: Manifest, sifted: str) -> bool:
    """Take such records out of `delta`, and have the object read in full next time. True when there are any.

    They stay as they were, and wait in quarantine, without a text that could be validated again. What comes without its number
    twice is believed.
    """
    known = entity.all_entities()[each.of].identity.numbers
    columns = [column for name, (_, column) in each.columns().items() if name in known]
    numbers = [column.source for column in columns if column.source]
    if not numbers:
        return False
    lost = [f"""nullif(s."{path}"::VARCHAR, '') IS NULL AND nullif(t."{path}"::VARCHAR, '') IS NOT NULL""" for path in numbers]
    said = ", ".join(
        f"""CASE WHEN {is_lost} THEN concat(?, ' was ', t."{path}") END""" for path, is_lost in zip(numbers, lost, strict=True)
    )
    (count,) = connection.execute(
        f"""
      CREATE OR REPLACE TEMP TABLE unnumbered AS
      SELECT d._id, concat_ws(', ', {said}, 'and is left out') AS reason
      FROM delta AS d JOIN {sifted} AS s ON s._row = d._row JOIN {target} AS t ON t._id = d._id
      ANTI JOIN (SELECT record_id FROM capture.quarantine WHERE system = ? AND object = ? AND raw IS NULL) AS q ON q.record_id = d._id
      WHERE d._gone IS NULL AND ({" OR ".join(lost)})""",
        [*numbers, m.system, m.object],
    ).fetchone()
    if count:
        connection.execute("DELETE FROM delta WHERE _id IN (SELECT _id FROM unnumbered)")
        connection.execute("INSERT INTO capture.belied VALUES (?, ?, ?)", [m.system, m.object, m.taken_at])
    return count > 0


def keep(connection: duckdb.DuckDBPyConnection, m: Manifest) -> None:
    """Put what was held into quarantine."""
    connection.execute(
        "INSERT INTO capture.quarantine SELECT ?, ?, _id, ?, reason, NULL, ? FROM unnumbered", [m.system, m.object, m.id, m.taken_at]
    )
