"""Why two records of documents are one or not: they carry the same number, or not."""

import duckdb

from hub.entity import Entity
from reconcile import shown, ties
from reconcile.why_flip import Flip
from reconcile.why_rule import Rule
from reconcile.why_trial import Change, Outcome


def decided(connection: duckdb.DuckDBPyConnection, known: Entity, left: str, right: str) -> tuple[Rule, list[Flip]]:
    """The rule behind what two records are, and the number that would reverse it, checked by deriving their hub ids from it."""
    name = " or ".join(each.replace("_", " ") for each in known.identity.strong) or "record id"
    before = _outcome(connection, known, left, right, "c.*")
    says = f"both carry the same {name}" if before.together else f"they carry different {name}s, or one carries none"
    facts = {"keys": known.identity.strong}
    word = connection.execute(
        """SELECT e.actor, d.verdict, e.happened_at FROM work.decided AS d JOIN journal.event AS e ON e.seq = d.seq
      WHERE d.left_ref = ? AND d.right_ref = ?""",
        [left, right],
    ).fetchone()
    if word and word[1] == "same" and not before.together:
        told = f"{word[0]} decided same on {shown.at(word[2])}, though {says}"
        return Rule("decision", told, facts | {"verdict": "same", "decided_by": word[0], "decided_at": shown.at(word[2])}), []
    rule = Rule("number", f"{says}; records of {known.entity} are told apart by it alone", facts)
    if not known.identity.strong:
        return rule, []
    key = known.identity.strong[0]
    change = Change(key, "differs" if before.together else "agrees", {right: {}}, (key,))
    after = _outcome(connection, known, left, right, f"c.* REPLACE ({'record_ref' if before.together else repr('the same')} AS {key})")
    return rule, [Flip((change,), before, after)]


def _outcome(connection: duckdb.DuckDBPyConnection, known: Entity, left: str, right: str, said: str) -> Outcome:
    """Whether two records get one hub id, if they said this."""
    sql = f"""
      SELECT count(DISTINCT {ties.derived_id(known)}) = 1
      FROM (SELECT {said} FROM canonical.{known.entity} AS c WHERE c.record_ref IN (?, ?)) AS c"""
    same = connection.execute(sql, [left, right]).fetchone()[0]
    return Outcome(0.0, "link" if same else "apart", same)
