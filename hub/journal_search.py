"""Finds the values that a journal keeps of a person: by the ids that stand beside them, and by the person's own words."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import polars as pl

from hub import journal_values
from hub.journal import Journal
from hub.journal_event import UNFOLDED

STORED = {"seq": pl.Int64, "at_us": pl.Int64, "kind": pl.String, "subject": pl.String, "body": pl.String}
VALUE = {"seq": pl.Int64, "digest": pl.String, "said": pl.String}
DIGESTS = r"""regexp_extract_all({}, '"~":\["([0-9a-f]{{64}})"', 1)"""
# Which event each value is of.
PLACE = f"""
CREATE OR REPLACE TEMP TABLE place AS
SELECT seq, kind, subject, at_us, unnest({DIGESTS.format("body")}) AS digest FROM ({UNFOLDED.format(said="stored", more=", seq, kind, at_us")})"""
# What is said of one record each: the lines of a plan, and every other event.
PIECE = f"""
CREATE OR REPLACE TEMP TABLE piece AS
SELECT seq, kind, subject, unnest(CASE WHEN kind = 'plan.sealed' THEN from_json(body::JSON -> 'lines', '["JSON"]')::VARCHAR[] ELSE [concat(subject, ' ', body)] END) AS said
FROM ({UNFOLDED.format(said="stored", more=", seq, kind")}) WHERE kind <> 'values.erased'"""
# The answers to a push name the push alone.
NAMED = """
CREATE OR REPLACE TEMP TABLE named AS
WITH direct AS (SELECT * FROM piece WHERE regexp_matches(said, $names))
SELECT seq, said FROM direct
UNION SELECT p.seq, p.said FROM piece AS p SEMI JOIN direct AS d ON d.kind = 'push.intended' AND p.kind = 'push.outcome' AND p.subject = d.subject"""
KEPT = f"""
SELECT k.seq, k.digest FROM value AS k
SEMI JOIN (SELECT DISTINCT seq, unnest({DIGESTS.format("said")}) AS digest FROM named) AS n ON n.seq = k.seq AND n.digest = k.digest
UNION SELECT seq, digest FROM value WHERE len(list_filter($words::VARCHAR[], lambda w: contains(said, w))) > 0
ORDER BY ALL"""


@dataclass(frozen=True)
class Found:
    """The values of a person, by seq and digest; and the events that hold some in their bodies, where nothing can be erased."""

    values: list[tuple[int, str]]
    in_clear: list[int]


def of_person(connection: duckdb.DuckDBPyConnection, journal: Journal, names: Collection[str], words: Collection[str]) -> Found:
    """What a journal keeps of a person.

    names  hub ids and record_refs
    words  texts that tell of nobody else
    """
    stored(connection, journal)
    connection.execute(PIECE)
    connection.execute(NAMED, {"names": _pattern(names)})
    escaped = [json.dumps(word, ensure_ascii=False)[1:-1] for word in sorted(words)]
    clear = connection.execute("SELECT DISTINCT seq FROM named WHERE regexp_matches(said, ?) ORDER BY seq", [journal_values.CLEAR])
    in_clear = [seq for (seq,) in clear.fetchall()]
    return Found(connection.execute(KEPT, {"words": escaped}).fetchall(), in_clear)


def stored(connection: duckdb.DuckDBPyConnection, journal: Journal) -> None:
    """Bring in the journal as it is stored: temporary tables `stored` (seq, at, kind, subject, body), `value` (seq, digest, said) and `place`."""
    rows, values = [], []
    for row, kept in journal.stored():
        rows.append((row["seq"], row["at_us"], row["kind"], row["subject"], row["body"]))
        values += [(row["seq"], digest, said) for digest, (_, said) in kept.items()]
    for name, schema, found in (("stored", STORED, rows), ("value", VALUE, values)):
        connection.register("arrived", pl.DataFrame(found, schema, orient="row"))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM arrived")
        connection.unregister("arrived")
    connection.execute(PLACE)


def _pattern(names: Collection[str]) -> str:
    """A regular expression for the names wherever they stand, whole: as refs, and as exceptions write them."""
    written = {each for name in names for each in (name, " ".join(name.split(":", 2)))}
    return r"(^|[^\w:.-])(" + "|".join(re.escape(each) for each in sorted(written)) + r")($|[^\w:.-])"
