"""Matching rules become SQL: narrow keys, candidate pairs, and the weight of the evidence for each pair."""

from sqlmesh import macro

from macros.canonical import firm_rules, only_touched, typed


@macro()
def match_keys(evaluator, entity):
    """The live records of an entity, as narrow keys in normal form."""
    known = firm_rules(evaluator).entities[entity.name]
    live = f"(SELECT * FROM canonical.{entity.name} WHERE is_live AND {only_touched(evaluator, 'record_ref', 'work.touched_record', 'record_ref')})"
    head = "record_ref::TEXT AS record_ref, (system || ':' || object)::TEXT AS source, hub_id_said::TEXT AS hub_id_said"
    return firm_rules(evaluator).matching(entity.name).select(head, live, known.columns())


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
    strong = the_rules.entities[entity.name].identity.strong
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
        if the_rules.is_resolved(name)
        for sides in (("left", "right"), ("right", "left"))
    ]
    nothing = "SELECT " + ", ".join(f"NULL AS {name}" for name in DOUBT) + " WHERE FALSE"
    return typed({name: ("TEXT", says) for name, says in DOUBT.items()}, " UNION ALL ".join(found) or nothing)


def _doubt(name, this, other):
    # Without a decision: nobody has said yet whether the two are one. From the few pairs outward: identity's views tie all records first.
    return f"""
      SELECT '{name}' AS entity, t.hub_id, o.record_ref, o.system, o.object
      FROM (
        SELECT p.{this}_ref AS this_ref, p.{other}_ref AS other_ref FROM identity.{name}_pair AS p
        ANTI JOIN journal.decision AS d ON d.left_ref = p.left_ref AND d.right_ref = p.right_ref
        WHERE p.verdict = 'review'
      ) AS p
      JOIN journal.crossref AS t ON t.record_ref = p.this_ref
      JOIN canonical.{name} AS o ON o.record_ref = p.other_ref AND o.is_live
      JOIN journal.crossref AS x ON x.record_ref = p.other_ref AND x.hub_id <> t.hub_id"""
