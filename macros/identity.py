"""Matching rules become SQL: narrow keys, candidate pairs, and the weight of the evidence for each pair."""

from macros.canonical import firm_rules, only_touched
from sqlmesh import macro


def weight(comparison):
    """SQL for the match weight that one comparison adds; 0 when either side says nothing."""
    silent = " OR ".join(f"{side}.{key} IS NULL" for key in comparison.on for side in "lr")
    levels = " ".join(f"WHEN {level.when} THEN {level.weight}" if level.when else f"ELSE {level.weight}" for level in comparison.levels)
    return f"CASE WHEN {silent} THEN 0 {levels} END"


def candidates(evaluator, entity, how):
    """Pairs that agree on one block at least; each pair once, the smaller record_ref left."""
    key = f"identity.{entity}_key"
    if evaluator.locals.get("touched_only"):
        probe = f"(SELECT * FROM {key} WHERE record_ref IN (SELECT record_ref FROM work.touched_record))"
        pair, differ = "least(t.record_ref, a.record_ref) AS left_ref, greatest(t.record_ref, a.record_ref) AS right_ref", "t.record_ref <> a.record_ref"
    else:
        probe, pair, differ = key, "t.record_ref AS left_ref, a.record_ref AS right_ref", "t.record_ref < a.record_ref"
    blocks = [*how.blocks, ("hub_id_said",)]
    return " UNION ".join(f"SELECT {pair} FROM {probe} AS t JOIN {key} AS a ON {' AND '.join(f't.{k} = a.{k}' for k in block)} AND {differ}" for block in blocks)


@macro()
def match_keys(evaluator, entity):
    """The live records of an entity, as narrow keys in normal form."""
    the_rules = firm_rules(evaluator)
    how = the_rules.matching(entity.name)
    known = the_rules.entities[entity.name].columns()
    keys = ", ".join(f"({sql})::TEXT AS {name}" for name, sql in how.key_sql().items())
    return f"""
      SELECT record_ref::TEXT AS record_ref, (system || ':' || object)::TEXT AS source, hub_id_said::TEXT AS hub_id_said, {keys}
      FROM canonical.{entity.name}
      WHERE is_live AND {only_touched(evaluator, "record_ref", "work.touched_record", "record_ref")}"""


@macro()
def pairs(evaluator, entity):
    """Candidate pairs with their weight, and what speaks for and against them.

    verdict  link     equal strong key, same hub id in both, or weight from `link` on
             forbid   different valid strong keys, none equal
             review   weight from `review` on: a steward is asked
             apart    the rest
    """
    the_rules = firm_rules(evaluator)
    how, strong = the_rules.matching(entity.name), the_rules.entities[entity.name].identity.strong
    equal = " OR ".join([f"l.{key} = r.{key}" for key in strong] or ["FALSE"])
    unequal = " OR ".join([f"l.{key} <> r.{key}" for key in strong] or ["FALSE"])
    weights = {name: weight(comparison) for name, comparison in how.comparisons.items()}
    total = " + ".join([str(how.prior), *(f"w_{name}" for name in weights)])
    columns = "".join(f", {sql} AS w_{name}" for name, sql in weights.items())
    evidence = ", ".join([f"'{name}': w_{name}" for name in weights] or ["'strong_key': TRUE"])
    by_weight = f"WHEN match_weight >= {how.link} THEN 'link' WHEN match_weight >= {how.review} THEN 'review'" if weights else ""
    return f"""
      WITH candidate AS ({candidates(evaluator, entity.name, how)}),
      compared AS (
        SELECT c.left_ref, c.right_ref, COALESCE(l.hub_id_said = r.hub_id_said, FALSE) AS said_same, COALESCE({equal}, FALSE) AS is_equal, COALESCE({unequal}, FALSE) AS is_unequal{columns}
        FROM candidate AS c
        JOIN identity.{entity.name}_key AS l ON l.record_ref = c.left_ref
        JOIN identity.{entity.name}_key AS r ON r.record_ref = c.right_ref
      ), weighed AS (
        SELECT *, {total} AS match_weight, to_json({{{evidence}}}) AS evidence FROM compared
      )
      SELECT left_ref::TEXT AS left_ref, right_ref::TEXT AS right_ref,
        match_weight::DOUBLE AS match_weight /* log2 of the odds that the records are one */,
        evidence::TEXT AS evidence /* what each comparison added */,
        is_equal::BOOLEAN AS has_equal_key,
        CASE WHEN said_same OR is_equal THEN 'link' WHEN is_unequal THEN 'forbid' {by_weight} ELSE 'apart' END::TEXT AS verdict
      FROM weighed
      WHERE said_same OR is_equal OR match_weight >= {min(how.review, 0)}"""
