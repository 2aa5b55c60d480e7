"""Why two records of an entity are one, or are not: the evidence, the rule that decided, and what would reverse it."""

from dataclasses import dataclass, field, replace

import duckdb
import polars as pl

from hub.errors import Refused
from hub.rules import Rules
from reconcile import kinship, titled, why_flip, why_number, why_rule, why_trial
from reconcile.chain import Link
from reconcile.meant import Side, side, tied
from reconcile.why_evidence import Step, steps
from reconcile.why_flip import Flip
from reconcile.why_rule import Rule
from reconcile.why_trial import Field, Outcome

# The records around a pair: all that links, decisions or hub ids connect with either, as reconcile.ties follows them.
AROUND = """
WITH RECURSIVE tied AS MATERIALIZED (
  SELECT left_ref, right_ref FROM identity.{of}_pair WHERE verdict = 'link' UNION ALL SELECT left_ref, right_ref FROM work.decided
), near AS (
  SELECT unnest([$left, $right]) AS record_ref
  UNION
  SELECT f.record_ref FROM (
    SELECT p.right_ref AS record_ref FROM near AS n JOIN tied AS p ON p.left_ref = n.record_ref
    UNION ALL SELECT p.left_ref FROM near AS n JOIN tied AS p ON p.right_ref = n.record_ref
    UNION ALL SELECT o.record_ref FROM near AS n JOIN journal.crossref AS x ON x.record_ref = n.record_ref JOIN journal.crossref AS o ON o.hub_id = x.hub_id
  ) AS f
)
SELECT k.* FROM identity.{of}_key AS k SEMI JOIN near AS n ON n.record_ref = k.record_ref ORDER BY k.record_ref"""


@dataclass(frozen=True)
class Match:
    """The answer for two records.

    hub_ids   of left and right, as of the cut
    outcome   what the rules make of them now: weight, the pair's verdict, whether they end in one cluster
    kin       when they are one, on what it rests: the pair itself, or a way over others
    flips     the smallest changes of evidence that reverse it; `decisions`: what a steward would have to say
    """

    of: str
    left: str
    right: str
    hub_ids: tuple[str | None, str | None]
    rule: Rule
    outcome: Outcome | None = None
    steps: list[Step] = field(default_factory=list)
    kin: Link | None = None
    flips: list[Flip] = field(default_factory=list)
    decisions: list[Flip] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    link: float | None = None
    review: float | None = None

    @property
    def together(self) -> bool:
        return self.hub_ids[0] is not None and self.hub_ids[0] == self.hub_ids[1]


def asked(connection: duckdb.DuckDBPyConnection, one: str, other: str, rules: Rules) -> Match:
    """Why two things are one or not, on a cut. Each is a record_ref, `system object id` or a hub id, which stands for the record
    of it that the most speaks for. Raises Refused for what is unknown, or no pair."""
    sides = side(connection, one, rules), side(connection, other, rules)
    _check(sides)
    left, right = _pair(connection, sides, rules)
    return of_pair(connection, sides[0].entity, left, right, rules)


def of_pair(connection: duckdb.DuckDBPyConnection, of: str, left: str, right: str, rules: Rules) -> Match:
    """The same for two records of an entity, the smaller record_ref first."""
    hub_ids = tuple(tied(connection, ref) for ref in (left, right))
    names = {ref: name for ref in (left, right) if (name := titled.called(connection, of, ref))}
    if gone := why_rule.gone(connection, of, left, right):
        return Match(of, left, right, hub_ids, gone, names=names)
    if not rules.is_resolved(of):
        rule, flips = why_number.decided(connection, rules.entities[of], left, right)
        return Match(of, left, right, hub_ids, rule, flips=flips, names=names)
    where = _field(connection, of, left, right, rules)
    outcome = why_trial.run(connection, where, [()])[0]
    same = hub_ids[0] is not None and hub_ids[0] == hub_ids[1]
    return Match(
        of,
        left,
        right,
        hub_ids,
        why_rule.decided(connection, where, outcome, same),
        outcome,
        steps(connection, where),
        kinship.why_one(connection, of, left, right) if same else None,
        *why_flip.flips(connection, where, outcome),
        names,
        where.how.link,
        where.how.review,
    )


def _check(sides: tuple[Side, Side]) -> None:
    one, other = sides
    if one.entity != other.entity:
        raise Refused(f"{one.refs[0]} is a {one.entity} and {other.refs[0]} a {other.entity}; only records of one entity can be one")
    if set(one.refs) & set(other.refs):
        raise Refused(f"both are {one.hub_id or one.refs[0]}; name two different records")


def _pair(connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], rules: Rules) -> tuple[str, str]:
    """The pair that is asked about, the smaller record_ref first."""
    one, other = sides
    left, right = sorted((one.refs[0], other.refs[0]))
    if len(one.refs + other.refs) > 2 and rules.is_resolved(one.entity):
        where = _field(connection, one.entity, left, right, rules)
        keys = where.keys.filter(pl.col("record_ref").is_in(one.refs + other.refs))
        live = set(keys.get_column("record_ref"))
        if live & set(one.refs) and live & set(other.refs):
            return why_trial.heaviest(connection, replace(where, keys=keys), list(one.refs))
    return left, right


def _field(connection: duckdb.DuckDBPyConnection, of: str, left: str, right: str, rules: Rules) -> Field:
    keys = connection.execute(AROUND.format(of=of), {"left": left, "right": right}).pl()
    refs = keys.get_column("record_ref").to_list()
    decisions = connection.execute(
        "SELECT left_ref, right_ref, verdict FROM work.decided WHERE entity = ? AND list_contains(?, left_ref) AND list_contains(?, right_ref)",
        [of, refs, refs],
    ).pl()
    own = ", ".join(["record_ref", *(f"{name}_ref" for name, each in rules.entities[of].fields.items() if each.to == of)])
    owners = connection.execute(f"SELECT {own} FROM canonical.{of} WHERE list_contains(?, record_ref)", [refs]).pl()
    strong = tuple(rules.entities[of].identity.strong)
    return Field(of, rules.matching(of), strong, left, right, f"identity.{of}_key", keys, decisions, owners)
