"""SQL that weighs pairs of records, from an entity's matching alone; the models use it, training, and `hub match`.

Each step is a query over the ones before: candidate (pairs that share a block), compared (which level holds in each
comparison), weighed (what each level adds), and the verdict.
"""

import re

from hub import keys
from hub.matching import hash_of, hashed, numbered

COMMON = 4  # what fewer records have, beside the copies of one, is rare
NUMBER = hash_of(["record_ref"])  # a record as a number
HALF_STEPS = "pow(2, floor(2 * log2({})) / 2)"  # so that a weight changes when a value is half as often again, not with every record


def weighed(key, how, strong, touched_only, among=None):
    """Candidate pairs of the records in the table `key`, with their weight and verdict; see macros/identity.py for what these mean.

    among  the table of all records, which says what is common, when `key` holds a few of them alone
    """
    steps, sides = narrowed(key, how, strong, touched_only)
    weights = {name: weight(name, comparison) for name, comparison in how.comparisons.items()}
    by = "number" if touched_only else "ref"
    total = " + ".join([f"{how.prior:.9f}", *(f"w_{name}" for name in weights)])
    evidence = ", ".join([f"'{name}': round(w_{name}, 2)" for name in weights] or ["'strong_key': TRUE"])
    joins = " ".join(f"LEFT JOIN common_{term} ON common_{term}.term = c.term_{term}" for term in how.terms())
    return f"""
      WITH {steps}, {common(among or key, how, sides if among else None, counted_of(key) if touched_only else None)}
      compared AS ({compared("candidate", sides, how, strong, by)}),
      added AS (SELECT c.*{"".join(f", {sql} AS w_{name}" for name, sql in weights.items())} FROM compared AS c {joins}),
      weighed AS (SELECT *, {total} AS match_weight FROM added)
      SELECT left_ref::TEXT AS left_ref, right_ref::TEXT AS right_ref,
        match_weight::DOUBLE AS match_weight /* log2 of the odds that the records are one */,
        to_json({{{evidence}}})::TEXT AS evidence /* what each comparison added */,
        (is_known AND NOT is_related)::BOOLEAN AS has_equal_key /* a strong key, or the hub id that both carry */,
        (is_related OR is_unequal AND NOT is_known)::BOOLEAN AS has_unequal_key /* or one is the parent of the other: the two never share a cluster, unless a steward says that they are one */,
        {verdict(how, strong)}::TEXT AS verdict,
        {numbered("left_ref")} AS left_number /* the record as a number, as in its keys: what is looked up among all pairs should not be text */,
        {numbered("right_ref")} AS right_number
      FROM weighed
      WHERE is_known OR is_unequal OR is_related OR match_weight >= {min(how.review, 0)}"""


def verdict(how, strong):
    """SQL for the verdict on a weighed pair, by the first rule that holds."""
    if not how.comparisons:
        return "CASE WHEN is_related THEN 'forbid' WHEN is_known THEN 'link' WHEN is_unequal THEN 'forbid' ELSE 'apart' END"
    agreed = "".join(f" AND greatest(w_{group[0]}, {' + '.join(f'w_{name}' for name in group)}) >= 0" for group in how.needs)
    return f"""CASE WHEN is_related THEN 'forbid'
        WHEN is_known THEN 'link'
        WHEN is_unequal AND match_weight >= {how.link} THEN CASE WHEN {slip(how, strong)} THEN 'review' ELSE 'forbid' END
        WHEN is_unequal THEN 'forbid'
        WHEN match_weight >= {how.link}{agreed} THEN 'link'
        WHEN match_weight >= {how.review} THEN 'review'
        ELSE 'apart' END"""


def slip(how, strong):
    """SQL for whether strong keys differ by a slip of the pen, or one of them can't be right."""
    near = " AND ".join([f"COALESCE({keys.slip(f'l_{each}', f'r_{each}')}, TRUE)" for each in strong] or ["FALSE"])
    wrong = "".join(f" OR NOT COALESCE(has_right_check_digits({side}_{each}), TRUE)" for each in how.checked for side in "lr")
    return f"({near}){wrong}"


def narrowed(key, how, strong, touched_only):
    """Steps of a query that end in `candidate`, and the table that holds the keys of both sides: a few rows when few records were touched."""
    if not touched_only:
        return f"candidate AS MATERIALIZED ({candidates(key, how, key)})", key
    # All columns of all records are read once: joined as they are, each join would read all of them.
    columns = [f"k.{each}" for each in weighs_by(how, strong)] + [f"{hashed([term])} AS {hash_of([term])}" for term in how.terms()]
    met = met_of(key)
    return (
        f"""near AS MATERIALIZED (
          SELECT k.{NUMBER}, {", ".join(columns)}
          FROM {key} AS k SEMI JOIN (SELECT one AS number FROM {met} UNION SELECT other FROM {met}) AS m ON m.number = k.{NUMBER}
        ),
        candidate AS MATERIALIZED (
          SELECT least(l.record_ref, r.record_ref) AS left_ref, greatest(l.record_ref, r.record_ref) AS right_ref,
            if(l.record_ref < r.record_ref, m.one, m.other) AS left_number, if(l.record_ref < r.record_ref, m.other, m.one) AS right_number
          FROM {met} AS m JOIN near AS l ON l.{NUMBER} = m.one JOIN near AS r ON r.{NUMBER} = m.other
        )""",
        "near",
    )


def met_of(key):
    """The table of the pairs of touched records with any that agree on one block at least, as numbers one and other; reconcile/crowds.py makes it."""
    return f"met_{key.rpartition('.')[2]}"


def counted_of(key):
    """The table of how many records (n) have each value that touched records have, as a number, of the keys whose frequent values weigh less."""
    return f"counted_{key.rpartition('.')[2]}"


def weighs_by(how, strong):
    """The columns of a key table that weighing reads; the others only bring records together."""
    said = {key for each in how.comparisons.values() for level in each.levels for key in re.findall(r"\b[lr]\.(\w+)", level.when)}
    said |= {key for each in how.comparisons.values() for key in each.on} | {*re.findall(r"\b[lr]\.(\w+)", how.apart)}
    return sorted({*said, *strong, *how.terms(), "record_ref", "hub_id_said"})


def around(held, touched="TRUE"):
    """A query for what refers to records, as record_ref and value: of (entity, its column, its reference), as far as `touched` holds.

    touched  SQL on the row that refers; {reference} stands for the name of its reference
    """
    return " UNION ALL ".join(
        f"SELECT {reference}_ref AS record_ref, '{name}:' || replace({column}, ' ', '') AS value FROM canonical.{name} AS c "
        f"WHERE is_live AND {reference}_ref IS NOT NULL AND {column} IS NOT NULL AND {touched.format(reference=reference)}"
        for name, column, reference in held
    )


def candidates(key, how, probe):
    """Pairs of the records in `probe` with those in `key` that agree on one block at least; each pair once, the smaller record_ref left."""
    return " UNION ".join(_sharing(key, hash_of(block), how.most, probe) for block in how.all_blocks())


def _sharing(key, block, most, probe):
    differ = "t.record_ref < a.record_ref" if probe == key else "t.record_ref <> a.record_ref"
    return f"""
      SELECT least(t.record_ref, a.record_ref) AS left_ref, greatest(t.record_ref, a.record_ref) AS right_ref
      FROM {probe} AS t JOIN {key} AS a ON t.{block} = a.{block} AND {differ}
      ANTI JOIN ({crowds(key, block, most, probe)}) AS c ON c.{block} = t.{block}"""


def crowds(key, block, most, probe):
    """The values of a block, as numbers, that more than so many records share."""
    asked = "" if probe == key else f"SEMI JOIN {probe} AS p ON k.{block} = p.{block}"
    return f"SELECT k.{block} FROM {key} AS k {asked} WHERE k.{block} IS NOT NULL GROUP BY ALL HAVING count(*) > {most}"


def compared(pair, sides, how, strong, by="ref"):
    """Which level holds in each comparison of these pairs, counted from 0; NULL where either side says nothing.

    by  what the pairs name their records by: ref or number
    """
    name = NUMBER if by == "number" else "record_ref"
    equal = " OR ".join([f"l.{each} = r.{each}" for each in strong] or ["FALSE"])
    unequal = " OR ".join([f"l.{each} <> r.{each}" for each in strong] or ["FALSE"])
    levels = "".join(f", {level(comparison)} AS v_{name}" for name, comparison in how.comparisons.items())
    terms = "".join(f", l.{hash_of([term])} AS term_{term}" for term in how.terms())
    numbers = "".join(f", {side}.{each} AS {side}_{each}" for each in strong for side in "lr")
    related = f"COALESCE({how.apart or 'FALSE'}, FALSE)"
    known = f"COALESCE(l.hub_id_said = r.hub_id_said, FALSE) OR COALESCE({equal}, FALSE)"
    return f"""
      SELECT c.left_ref, c.right_ref, {known} AS is_known, {related} AS is_related,
        COALESCE({unequal}, FALSE) AND NOT ({known}) AS is_unequal{numbers}{levels}{terms}
      FROM {pair} AS c
      JOIN {sides} AS l ON l.{name} = c.left_{by}
      JOIN {sides} AS r ON r.{name} = c.right_{by}"""


def level(comparison):
    """SQL for the number of the first level that holds."""
    silent = " OR ".join(f"{side}.{key} IS NULL" for key in comparison.on for side in "lr")
    cases = " ".join(f"WHEN {each.sql} THEN {number}" if each.when else f"ELSE {number}" for number, each in enumerate(comparison.levels))
    return f"(CASE WHEN {silent} THEN NULL {cases} END)::UTINYINT"


def weight(name, comparison):
    """SQL for the match weight that one comparison adds; 0 when either side says nothing."""
    cases = " ".join(f"WHEN {number} THEN {_added(each)}" for number, each in enumerate(comparison.levels))
    return f"CASE v_{name} {cases} ELSE 0 END"


def _added(each):
    if not each.term:
        return f"{each.weight:.9f}"
    # m / u of a rare value; what many have, they share by chance as often as they have it.
    return f"(log2({each.m:.9g}) - log2(greatest({each.u:.9g}, COALESCE(common_{each.term}.share, 0))))"


def common(key, how, near=None, counts=None):
    """Steps that give the share of the records that have each value which is not rare; of the values in `near` alone, when it is named.

    counts  the table that holds the counts of all values in question, when they were counted before
    """
    if not how.terms():
        return ""
    size = f"size AS MATERIALIZED (SELECT count(*) AS records FROM {key}),"
    # An inner join, whose sides DuckDB puts in order by their size; of a semi join it would make a table of all records.
    asked = lambda term: f"JOIN (SELECT DISTINCT {term} AS asked FROM {near}) AS n ON n.asked = k.{term}" if near else ""
    counted = lambda term: f"SELECT {term} AS term, count(*) AS n FROM {key} AS k {asked(term)} WHERE {term} IS NOT NULL GROUP BY ALL"
    if counts:
        counted = lambda _: f"SELECT value AS term, n FROM {counts}"
    return size + "".join(
        f"""
        common_{term} AS MATERIALIZED (
          SELECT term, {HALF_STEPS.format(f"(n - {how.copies})")} / {HALF_STEPS.format("records")} AS share
          FROM ({counted(hash_of([term]))}) AS counted, size
          WHERE n - {how.copies} >= {COMMON}
        ),"""
        for term in how.terms()
    )
