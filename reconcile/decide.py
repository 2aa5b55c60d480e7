"""What stewards decide of records, for the command line and the workbench alike: checked, then journaled as words on pairs.

Every decision is said of source records and bears one id, so that one undo takes all of it back. docs/decisions.md says why a merge,
a split and a move are the words that they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import polars as pl

from hub import projection
from hub.errors import Refused
from hub.journal import Event
from reconcile import contradiction, decided, evidence
from reconcile.contradiction import Word
from reconcile.steward import Cluster, Steward

RELATIONS = ("parent_of", "successor_of")
VERDICTS = ("same", "different", *RELATIONS)
MOST = 10_000  # words in one decision
NOT_YET = 2**62  # in place of the seq of a word that is not in the journal yet

Atom = tuple[str, str, str]  # of which two records, and the verdict: for a relation, the first is the parent or the successor


@dataclass(frozen=True)
class Decision:
    """What was journaled: one decision of `count` words on pairs of records, or on one value; `about` are the records of the first."""

    decision: str
    command: str
    entity: str
    count: int
    said: str
    about: tuple[str, ...]


def pair(steward: Steward, one: str, other: str, verdict: str, reason: str = "") -> Decision:
    """Say of two records that they are the same, different, or that the first is parent_of or successor_of the other.

    It takes the place of what was said of the two before. Raises Refused when other words make it impossible.
    """
    if verdict not in VERDICTS:
        raise Refused(f"{verdict!r} is no verdict; say one of {', '.join(VERDICTS)}")
    (left, entity), (right, of) = steward.record(one), steward.record(other)
    if left == right or entity != of:
        raise Refused(f"{left} and {right} are not two records of one kind; decide of two {entity} records")
    phrase = contradiction.PHRASES[verdict].format(left, right)
    return _say(steward, verdict, entity, [(left, right, verdict)], reason, True, f"{phrase}; the next cycle acts on it")


def merge(steward: Steward, one: str, other: str, reason: str = "", replace: bool = False) -> Decision:
    """Say that two hub ids are one: each record of the one is the same as each of the other."""
    first, second = steward.cluster(one), steward.cluster(other)
    if first.entity != second.entity or first.hub_id == second.hub_id:
        why = f"both lead to {first.hub_id}" if first.hub_id == second.hub_id else f"a {first.entity} and a {second.entity}"
        raise Refused(f"{one} and {other} can't be merged: {why}; name two hub ids of one kind")
    said = (
        f"{first.hub_id} and {second.hub_id} are one, with {len(first.records) + len(second.records)} records; the next cycle merges them"
    )
    return _say(steward, "merge", first.entity, _across(first.records, second.records, "same"), reason, replace, said)


def split(steward: Steward, hub_id: str, out: Iterable[str], reason: str = "", replace: bool = False) -> Decision:
    """Say that some records of a hub id are something else: each of them is different from each that stays."""
    cluster = steward.cluster(hub_id)
    leaving = [_member(steward, cluster, ref) for ref in dict.fromkeys(out)]
    staying = [ref for ref in cluster.records if ref not in leaving]
    if not leaving or not staying:
        raise Refused(f"{cluster.hub_id} has {len(cluster.records)} records and {len(leaving)} leave it; name some of them, not all")
    said = f"{', '.join(leaving)} leave{'s' * (len(leaving) == 1)} {cluster.hub_id} in the next cycle"
    return _say(steward, "split", cluster.entity, _across(leaving, staying, "different"), reason, replace, said)


def move(steward: Steward, record: str, to: str, reason: str = "", replace: bool = False) -> Decision:
    """Say that a record belongs to another hub id: the same as each record there, different from each that it leaves."""
    ref, entity = steward.record(record)
    target, home = steward.cluster(to), _home(steward, ref, record)
    if target.entity != entity or target.hub_id == home.hub_id:
        raise Refused(
            f"{ref} can't move to {to}: it is {'there already' if target.hub_id == home.hub_id else f'a {entity}'}; name another hub id"
        )
    staying = [other for other in home.records if other != ref]
    atoms = _across([ref], staying, "different") + _across([ref], target.records, "same")
    return _say(steward, "move", entity, atoms, reason, replace, f"{ref} moves from {home.hub_id} to {target.hub_id} in the next cycle")


def undo(steward: Steward, decision: str = "", reason: str = "") -> Decision:
    """Take back a decision, all of it: the one that is named, or this person's last that stands. What was said before holds again."""
    words, pins = steward.spoken(projection.SPOKEN, "match.decided"), steward.spoken(projection.PINNED, "value.pinned")
    chosen = decision or _last_of(steward.actor, words, pins)
    events = [
        _taken_back(row, "match.decided", f"{row['left_ref']} {row['right_ref']}", "verdict", "undone") for row in _rows(words, chosen)
    ]
    events += [_taken_back(row, "value.pinned", row["record_ref"], "value", None) for row in _rows(pins, chosen)]
    if not events:
        raise Refused(f"{chosen or steward.actor}: no decision stands that could be taken back; `hub decide list` has those that do")
    at = datetime.now(UTC)
    noted = [Event(kind, subject, body | {"reason": reason or None}, steward.actor, at) for kind, subject, body in events]
    steward.journal.append(noted)
    first = events[0][2]
    about = tuple(first[name] for name in ("left_ref", "right_ref", "record_ref") if name in first)
    said = f"what {chosen} said of {' and '.join(about)}{' and others' * (len(noted) > 1)} holds no more"
    return Decision(chosen, "undo", first["entity"], len(noted), said, about)


def _across(ones: Iterable[str], others: Iterable[str], verdict: str) -> list[Atom]:
    return [(one, other, verdict) for one, other in product(ones, others)]


def _member(steward: Steward, cluster: Cluster, said: str) -> str:
    ref, _ = steward.record(said)
    if ref not in cluster.records:
        raise Refused(f"{ref} is not one of the records of {cluster.hub_id}; these are {', '.join(cluster.records)}")
    return ref


def _home(steward: Steward, ref: str, said: str) -> Cluster:
    tie = steward.connection.execute("SELECT hub_id FROM journal.crossref WHERE record_ref = ?", [ref]).fetchone()
    if not tie:
        raise Refused(f"{said} has no hub id yet; the next cycle gives it one")
    return steward.cluster(tie[0])


def _say(steward: Steward, command: str, entity: str, atoms: list[Atom], reason: str, replace: bool, said: str) -> Decision:
    if len(atoms) > MOST:
        raise Refused(f"this takes {len(atoms):,} words on pairs of records, more than {MOST:,}; decide of fewer records at once")
    decision, at = f"D-{uuid4().hex[:8]}", datetime.now(UTC)
    _check(steward, entity, atoms, decision, replace)
    rested_on = evidence.of_pairs(steward.connection, steward.entity(entity), [(min(atom[:2]), max(atom[:2])) for atom in atoms])
    shared = {"entity": entity, "decision": decision, "command": command} | ({"reason": reason} if reason else {})
    events = []
    for one, other, verdict in atoms:
        left, right = sorted((one, other))
        body = shared | {"left_ref": left, "right_ref": right, "verdict": verdict} | rested_on.get((left, right), {})
        body |= {"subject_ref": one} if verdict in RELATIONS else {}
        events.append(Event("match.decided", f"{left} {right}", body, steward.actor, at))
    steward.journal.append(events)
    return Decision(decision, command, entity, len(events), said, tuple(sorted(atoms[0][:2])))


def _check(steward: Steward, entity: str, atoms: list[Atom], decision: str, replace: bool) -> None:
    """Raises Refused when what is to be said can't hold beside what was said, naming no more words than it takes."""
    pairs = pl.DataFrame([sorted(atom[:2]) for atom in atoms], evidence.PAIRS, orient="row")
    standing = steward.words(entity)
    replaced = standing.join(pairs, left_on=["said_left", "said_right"], right_on=["left_ref", "right_ref"], how="semi")
    if contrary := [] if replace else _contrary(replaced, atoms):
        told = "; ".join(word.told() for word in contrary[:3]) + (f" and {len(contrary) - 3} more" if len(contrary) > 3 else "")
        raise Refused(f"other words stand of these records: {told}; {contradiction.advice(contrary)}, or say it again with --replace")
    binding, _ = contradiction.sift(standing.join(replaced, on=["said_left", "said_right"], how="anti"))
    new = contradiction.words(_as_words(steward, entity, atoms, decision))
    if conflict := contradiction.smallest([*contradiction.words(binding), *new]):
        ours = "; ".join(word.phrase() for word in conflict if word.decision == decision)
        theirs = "; ".join(word.told() for word in conflict if word.decision != decision)
        raise Refused(f"this can't hold: {ours}. It was said: {theirs}. To say it, {contradiction.advice(conflict, decision)}")


def _contrary(standing: pl.DataFrame, atoms: list[Atom]) -> list[Word]:
    wanted = {tuple(sorted((one, other))): verdict == "same" for one, other, verdict in atoms}
    return [word for word in contradiction.words(standing) if wanted[word.said_left, word.said_right] != (word.verdict == "same")]


def _as_words(steward: Steward, entity: str, atoms: list[Atom], decision: str) -> pl.DataFrame:
    rows = [
        {"entity": entity, "left_ref": min(one, other), "right_ref": max(one, other), "verdict": verdict, "actor": steward.actor}
        | {"decision": decision, "subject_ref": one if verdict in RELATIONS else None, "seq": NOT_YET + place, "at": None}
        for place, (one, other, verdict) in enumerate(atoms)
    ]
    return decided.today(steward.connection, pl.DataFrame(rows, decided.WORDS))


def _rows(spoken: pl.DataFrame, decision: str) -> list[dict]:
    return spoken.filter(pl.col("decision") == decision).to_dicts()


def _last_of(actor: str, *spoken: pl.DataFrame) -> str:
    mine = pl.concat([each.filter(pl.col("actor") == actor).select("seq", "decision") for each in spoken]).sort("seq")
    return mine.get_column("decision").to_list()[-1] if len(mine) else ""


def _taken_back(row: dict, kind: str, subject: str, key: str, value: str | None) -> tuple[str, str, dict]:
    names = ("entity", "left_ref", "right_ref") if kind == "match.decided" else ("entity", "record_ref", "column_name")
    body = {name.removesuffix("_name"): row[name] for name in names}
    return kind, subject, body | {key: value, "takes_back": row["decision"], "command": "undo"}
