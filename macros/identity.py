"""Matching rules become SQL: narrow keys, candidate pairs, and the weight of the evidence for each pair."""

from sqlmesh import macro

from macros.canonical import firm_rules, only_touched
from macros.pairs import weighed


@macro()
def match_keys(evaluator, entity):
    """The live records of an entity, as narrow keys in normal form."""
    the_rules = firm_rules(evaluator)
    how = the_rules.matching(entity.name)
    keys = ", ".join(f"({sql})::TEXT AS {name}" for name, sql in how.key_sql().items())
    return f"""
      SELECT record_ref::TEXT AS record_ref, (system || ':' || object)::TEXT AS source, hub_id_said::TEXT AS hub_id_said, {keys}
      FROM canonical.{entity.name}
      WHERE is_live AND {only_touched(evaluator, "record_ref", "work.touched_record", "record_ref")}"""


@macro()
def pairs(evaluator, entity):
    """Candidate pairs with their weight, and what speaks for and against them.

    verdict  link     equal strong key, same hub id in both, or weight from `link` on with no comparison in `needs` against it
             forbid   different strong keys, none equal
             review   weight from `review` on, or different strong keys that look like a slip of the pen: a steward is asked
             apart    the rest
    """
    the_rules = firm_rules(evaluator)
    strong = the_rules.entities[entity.name].identity.strong
    return weighed(f"identity.{entity.name}_key", the_rules.matching(entity.name), strong, bool(evaluator.locals.get("touched_only")))
