"""Matching rules become SQL: narrow keys, candidate pairs, and the weight of the evidence for each pair."""

from sqlmesh import macro

from macros.canonical import firm_rules, only_touched, typed


@macro()
def match_keys(evaluator, entity):
    """The live records of an entity, as narrow keys in normal form."""
    from hub.pairs import around  # here and not above: SQLMesh copies what a macro's module imports into every model

    the_rules = firm_rules(evaluator)
    head = "record_ref::TEXT AS record_ref, (system || ':' || object)::TEXT AS source, hub_id_said::TEXT AS hub_id_said"
    referred = only_touched(evaluator, "{reference}_ref", "work.touched_record", "record_ref")
    near = {key: around(held, referred) for key, held in the_rules.around(entity.name).items()}
    said = f"new_{entity.name}" if evaluator.locals.get("touched_only") else f"canonical.{entity.name}"
    live = f"(SELECT * FROM {said} WHERE is_live)"
    return the_rules.matching(entity.name).select(head, live, the_rules.entities[entity.name].columns(), near)


@macro()
def pairs(evaluator, entity):
    """Candidate pairs with their weight, and what speaks for and against them.

    verdict  link     equal strong key, same hub id in both, or weight from `link` on with no comparison in `needs` against it
             forbid   different strong keys, none equal
             review   weight from `review` on, or different strong keys that look like a slip of the pen: a steward is asked
             apart    the rest
    """
    from hub.pairs import weighed  # here and not above: SQLMesh copies what a macro's module imports into every model

    the_rules = firm_rules(evaluator)
    strong = the_rules.entities[entity.name].identity.strong if the_rules.is_resolved(entity.name) else []
    return weighed(f"identity.{entity.name}_key", the_rules.matching(entity.name), strong, bool(evaluator.locals.get("touched_only")))


DOUBT = {
    "entity": "The kind of thing.",
    "hub_id": "Which one.",
    "record_ref": "The record that may be it.",
    "system": "Where that record is.",
    "object": "In which object there.",
}


@macro()
def doubts(evaluator):
    """Undecided pairs of two clusters, seen from both sides."""
    the_rules = firm_rules(evaluator)
    found = [
        _doubt(name, *sides)
        for name in the_rules.entities
        if the_rules.is_matched(name)
        for sides in (("left", "right"), ("right", "left"))
    ]
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in DOUBT) + " WHERE FALSE"
    return typed({name: ("TEXT", says) for name, says in DOUBT.items()}, " UNION ALL ".join(found) or nothing)


def _doubt(name, this, other):
    # From the few pairs outward: identity's views tie all records first.
    return f"""
      SELECT '{name}' AS entity, q.{this}_id AS hub_id, o.record_ref, o.system, o.object
      FROM work.question AS q
      JOIN canonical.{name} AS o ON o.record_ref = q.{other}_ref AND o.is_live
      WHERE q.entity = '{name}' AND q.{this}_id IS NOT NULL"""


BAND = {
    "entity": ("TEXT", "The kind of thing."),
    "band": ("TEXT", "link, review or apart: what the evidence of the pair says; forbid where a strong key or a relation does."),
    "pair_count": ("BIGINT", "Pairs of records in it."),
    "expected_count": (
        "DOUBLE",
        "How many of them are one thing, by the weights: what is missing in link is wrong, what is there in apart is missed.",
    ),
}


@macro()
def match_bands(evaluator):
    """Pairs by band, with the sum of their match probabilities: each band's error without labels."""
    the_rules = firm_rules(evaluator)
    # Decimals add up to the same in any order, so that a rebuild comes to the same sum.
    probability = "CASE WHEN has_equal_key THEN 1 ELSE 1 / (1 + pow(2, -match_weight)) END::DECIMAL(18, 12)"
    found = [
        f"SELECT '{name}' AS entity, verdict AS band, count(*) AS pair_count, sum({probability}) AS expected_count FROM identity.{name}_pair GROUP BY verdict"
        for name in the_rules.entities
        if the_rules.is_matched(name)
    ]
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in BAND) + " WHERE FALSE"
    return typed(BAND, " UNION ALL ".join(found) or nothing)
