"""SQL that weighs pairs of records, from an entity's matching alone; the models use it, and `hub match`."""

# Kept apart, but a steward is asked: one letter or digit wrong, missing, too many, or swapped with its neighbour.
SLIPS = 1


def weight(comparison):
    """SQL for the match weight that one comparison adds; 0 when either side says nothing."""
    silent = " OR ".join(f"{side}.{key} IS NULL" for key in comparison.on for side in "lr")
    levels = " ".join(
        f"WHEN {level.when} THEN {level.weight:.9f}" if level.when else f"ELSE {level.weight:.9f}" for level in comparison.levels
    )
    return f"CASE WHEN {silent} THEN 0 {levels} END"


def candidates(key, how, probe):
    """Pairs of the records in `probe` with those in `key` that agree on one block at least; each pair once, the smaller record_ref left."""
    differ = "t.record_ref < a.record_ref" if probe == key else "t.record_ref <> a.record_ref"
    pair = "least(t.record_ref, a.record_ref) AS left_ref, greatest(t.record_ref, a.record_ref) AS right_ref"
    agreed = [" AND ".join(f"t.{each} = a.{each}" for each in block) for block in (*how.blocks, ("hub_id_said",))]
    return " UNION ".join(f"SELECT {pair} FROM {probe} AS t JOIN {key} AS a ON {block} AND {differ}" for block in agreed)


def narrowed(key, how, touched_only):
    """Steps of a query that end in `candidate`, and the table that holds the keys of both sides: a few rows when few records were touched."""
    if not touched_only:
        return f"candidate AS ({candidates(key, how, key)})", key
    # Each key column of all records is read once, and all columns together once: joined as they are, each join would read all of them.
    return (
        f"""
        probe AS MATERIALIZED (SELECT * FROM {key} WHERE record_ref IN (SELECT record_ref FROM work.touched_record)),
        candidate AS MATERIALIZED ({candidates(key, how, "probe")}),
        near AS MATERIALIZED (
          SELECT k.* FROM (SELECT left_ref AS record_ref FROM candidate UNION SELECT right_ref FROM candidate) AS c
          JOIN {key} AS k ON k.record_ref = c.record_ref
        )""",
        "near",
    )


def weighed(key, how, strong, touched_only):
    """Candidate pairs of the records in the table `key`, with their weight and verdict; see macros/identity.py for what these mean."""
    equal = " OR ".join([f"l.{each} = r.{each}" for each in strong] or ["FALSE"])
    unequal = " OR ".join([f"l.{each} <> r.{each}" for each in strong] or ["FALSE"])
    slip = " AND ".join([f"coalesce(damerau_levenshtein(l.{each}, r.{each}) <= {SLIPS}, TRUE)" for each in strong] or ["FALSE"])
    weights = {name: weight(comparison) for name, comparison in how.comparisons.items()}
    total = " + ".join([f"{how.prior:.9f}", *(f"w_{name}" for name in weights)])
    columns = "".join(f", {sql} AS w_{name}" for name, sql in weights.items())
    evidence = ", ".join([f"'{name}': round(w_{name}, 2)" for name in weights] or ["'strong_key': TRUE"])
    agreed = "".join(f" AND w_{name} >= 0" for name in how.needs)
    by_weight = f"WHEN match_weight >= {how.link}{agreed} THEN 'link' WHEN match_weight >= {how.review} THEN 'review'" if weights else ""
    asked = f"WHEN has_unequal_key AND is_slip AND match_weight >= {how.link} THEN 'review'" if weights else ""
    steps, keys = narrowed(key, how, touched_only)
    return f"""
      WITH {steps},
      compared AS (
        SELECT c.left_ref, c.right_ref, COALESCE(l.hub_id_said = r.hub_id_said, FALSE) AS said_same,
          COALESCE({equal}, FALSE) AS has_equal_key, COALESCE({unequal}, FALSE) AS is_unequal, {slip} AS is_slip{columns}
        FROM candidate AS c
        JOIN {keys} AS l ON l.record_ref = c.left_ref
        JOIN {keys} AS r ON r.record_ref = c.right_ref
      ), weighed AS (
        SELECT *, said_same OR has_equal_key AS is_known, is_unequal AND NOT (said_same OR has_equal_key) AS has_unequal_key,
          {total} AS match_weight, to_json({{{evidence}}}) AS evidence
        FROM compared
      )
      SELECT left_ref::TEXT AS left_ref, right_ref::TEXT AS right_ref,
        match_weight::DOUBLE AS match_weight /* log2 of the odds that the records are one */,
        evidence::TEXT AS evidence /* what each comparison added */,
        has_equal_key::BOOLEAN AS has_equal_key,
        has_unequal_key::BOOLEAN AS has_unequal_key /* the two never share a cluster, unless a steward says that they are one */,
        CASE WHEN is_known THEN 'link' {asked} WHEN has_unequal_key THEN 'forbid' {by_weight} ELSE 'apart' END::TEXT AS verdict
      FROM weighed
      WHERE is_known OR has_unequal_key OR match_weight >= {min(how.review, 0)}"""
