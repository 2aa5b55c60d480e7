"""Which records meet: those that share a value of a block with a touched one. Tables of numbers in, tables of numbers out.

held     all records, touched: those to be weighed again; each with its number, and its blocks and keys as numbers (hub/matching.py)
holders  {block: number, value: the records that share a value of it with a touched one}
"""

import polars as pl

from hub.matching import hash_of
from hub.pairs import NUMBER


def shifted(held: pl.DataFrame, old: pl.DataFrame, new: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """name, value, shift, n: how many more records have each value now that the old keys of touched records were replaced, and how many have it."""
    found = []
    for column in columns:
        came = pl.concat([new.select(column, shift=1), old.select(column, shift=-1)]).drop_nulls(column)
        shift = came.group_by(column).agg(pl.col("shift").sum()).filter(pl.col("shift") != 0)
        if not shift.is_empty():
            found.append(
                _counted(held, shift.get_column(column))
                .join(shift.rename({column: "value"}), on="value")
                .select(pl.lit(column).alias("name"), "value", "shift", "n")
            )
    none = pl.DataFrame(schema={"name": pl.String, "value": pl.Int64, "shift": pl.Int32, "n": pl.UInt32})
    return pl.concat(found or [none])


def holders(held: pl.DataFrame, touched: pl.DataFrame, block: str) -> pl.DataFrame:
    """number, value of the records that share a value of this block with a touched one."""
    return _having(held, touched.get_column(block)).select(number=NUMBER, value=block)


def met(touched: pl.DataFrame, holders: dict[tuple[str, ...], pl.DataFrame], most: int) -> pl.DataFrame:
    """one, other: the pairs of touched records with any that share a value of a block; none by a value that more than `most` records have."""
    found = []
    for block, rows in holders.items():
        few = rows.filter(pl.len().over("value") <= most)
        both = touched.select(one=NUMBER, value=hash_of(block)).join(few, on="value").filter(pl.col("one") != pl.col("number"))
        found.append(both.select(one=pl.min_horizontal("one", "number"), other=pl.max_horizontal("one", "number")))
    return pl.concat(found).unique()


def counted(held: pl.DataFrame, touched: pl.DataFrame, holders: dict[tuple[str, ...], pl.DataFrame], terms: list[str]) -> pl.DataFrame:
    """value, n: how many records have each value that a touched one has of a key whose frequent values weigh less."""
    # Two records weigh less for what they share, so one of any two that are weighed now is a touched one.
    found = [_count(holders[term,]) if (term,) in holders else _counted(held, touched.get_column(hash_of([term]))) for term in terms]
    return pl.concat(found or [pl.DataFrame(schema={"value": pl.Int64, "n": pl.UInt32})])


def _counted(held: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    return _count(_having(held, values).select(value=values.name))


def _count(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("value").agg(n=pl.len())


def _having(held: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """The records that have one of these values in the column of their name."""
    return held.select(NUMBER, values.name).filter(pl.col(values.name).is_in(values.drop_nulls().unique().implode()))
