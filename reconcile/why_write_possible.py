"""What could change a planned write: for each, in words, for a machine, and how to apply it to the models made again."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import duckdb

from hub import entity
from hub.rules import Rules
from reconcile import shown, standing
from reconcile.why_remade import Remade
from reconcile.why_write import Write
from reconcile.why_write_rule import about_of
from reconcile.why_write_subject import Subject

Possible = tuple[str, dict[str, Any], Callable[[Remade], None] | None]
LATER = 2**62  # an event of the journal after all others


def possible(connection: duckdb.DuckDBPyConnection, write: Write, rules: Rules) -> Iterator[Possible]:
    """What could change the write, the nearest first; without a way to apply it where only the rules themselves could be changed."""
    line = write.subject.line
    if line:
        yield from _by_people(write, line, rules)
        yield from _by_sources(connection, write.subject, line)
    elif write.rule.name == "agrees":
        yield from _otherwise(write.subject, rules)
    elif write.rule.name in ("owner", "not_mirrored", "not_mapped", "no_way_back"):
        yield _by_rules(write)


def _by_people(write: Write, line: dict[str, Any], rules: Rules) -> Iterator[Possible]:
    key, discrepancy = line["line_id"], line["discrepancy_id"]
    if write.status == "needs_consent":
        consent = "FROM journal.approval UNION ALL BY NAME SELECT ? AS line_id, 'somebody' AS actor, ? AS seq"
        yield "somebody consented to it", {"what": "consent"}, lambda remade: remade.put("journal.approval", consent, key, LATER)
    if write.status == "approved":
        left = "SELECT * FROM journal.approval WHERE line_id <> ?"
        yield "consent were taken back", {"what": "withdrawal"}, lambda remade: remade.put("journal.approval", left, key)
    if write.status == "waived":
        standing = "SELECT * FROM journal.waiver WHERE discrepancy_id <> ?"
        yield "the waiver were lifted", {"what": "waiver"}, lambda remade: remade.put("journal.waiver", standing, discrepancy)
    else:
        waived = "FROM journal.waiver UNION ALL BY NAME SELECT ? AS discrepancy_id, 'asked' AS reason, ? AS seq"
        yield "somebody waived it", {"what": "waiver"}, lambda remade: remade.put("journal.waiver", waived, discrepancy, LATER)
    if held := _release(write, line, rules):
        yield held


def _release(write: Write, line: dict[str, Any], rules: Rules) -> Possible | None:
    """What would let go of a line that is held."""
    if write.rule.name == "exception":
        open_now = "SELECT * FROM journal.exception WHERE subject <> ?"
        return (
            "its exception were closed (`hub replay`)",
            {"what": "exception"},
            lambda remade: remade.put("journal.exception", open_now, about_of(line)),
        )
    if write.rule.name == "doubt":
        return (
            "a steward decided the pair",
            {"what": "decision"},
            lambda remade: remade.put("identity.doubt", "SELECT * FROM identity.doubt WHERE FALSE"),
        )
    if write.rule.name == "posted":
        state = re.match(r"\w+", rules.owner(line["entity"]).posted.immutable.lstrip())[0]
        ref = write.subject.record_ref
        return (
            f"{shown.record(ref)} were not posted",
            {"what": "silent", "record_ref": ref, "columns": [state]},
            lambda remade: remade.say(ref, {state: None}),
        )
    if write.rule.name == "reference":
        return _referred(write.subject, rules)
    return None


def _referred(subject: Subject, rules: Rules) -> Possible:
    """That the system held what the record to create refers to."""
    known, each = (
        rules.entities[subject.of],
        next(each for system, each in rules.objects(subject.of) if (system.system, each.name) == (subject.system, subject.object)),
    )
    names = {
        column.removesuffix("_ref"): mapped.object for column, (_, mapped) in each.columns().items() if mapped.goes_back and mapped.object
    }

    def hold(remade: Remade) -> None:
        remade.make()
        golden = remade.golden()
        for name, target in names.items():
            table = f"identity.{known.fields[name].to}"
            there = f"SELECT * FROM {table} WHERE hub_id = ? UNION ALL BY NAME SELECT ? AS hub_id, ? AS system, ? AS object, 'new' AS record_id, TRUE AS is_live"
            remade.put(table, there, golden[f"{name}_id"], golden[f"{name}_id"], subject.system, target)

    what = re.search(r"\bits (\w+)", subject.line["held"])[1]
    return f"its {what} were in {subject.system}", {"what": "reference", "columns": [f"{what}_ref"]}, hold


def _by_sources(connection: duckdb.DuckDBPyConnection, subject: Subject, line: dict[str, Any]) -> Iterator[Possible]:
    if not subject.record_ref:
        yield f"{subject.system} {subject.object} held it", {"what": "record"}, lambda remade: remade.join(subject.system, subject.object)
        return
    columns, ref = list(json.loads(line["want"])), subject.record_ref
    named = shown.record(ref)
    if subject.field == "hub_id":
        yield (
            f"{named} carried it",
            {"what": "agrees", "record_ref": ref, "columns": columns},
            lambda remade: remade.say(ref, {"hub_id_said": subject.hub_id}),
        )
        return
    yield f"{named} said the same", {"what": "agrees", "record_ref": ref, "columns": columns}, partial(_agree, ref, columns)
    given = standing.value(connection, subject.of, subject.hub_id, subject.field)[1]
    if given and given != "pin":
        all_columns = _value_columns(subject)
        silence = {"what": "silent", "record_ref": given, "columns": all_columns}
        yield f"{shown.record(given)} said no {subject.field}", silence, lambda remade: remade.say(given, dict.fromkeys(all_columns))
    if said := {column: str(value) for column, value in json.loads(line["base"] or "{}").items() if value is not None}:
        yield f"a steward pinned what {named} says", {"what": "pin", "record_ref": ref, "columns": sorted(said)}, partial(_pin, ref, said)


def _agree(ref: str, columns: list[str], remade: Remade) -> None:
    remade.make()
    golden = remade.golden()
    remade.say(ref, {column: golden[column] for column in columns})


def _pin(ref: str, said: dict[str, str], remade: Remade) -> None:
    for column, value in said.items():
        remade.put(
            "journal.pin",
            "FROM journal.pin UNION ALL BY NAME SELECT ? AS record_ref, ? AS column_name, ? AS value, ? AS seq",
            ref,
            column,
            value,
            LATER,
        )


def _value_columns(subject: Subject) -> list[str]:
    field = entity.all_entities()[subject.of].fields[subject.field]
    return [f"{subject.field}_id"] if field.type == "reference" else list(field.columns(subject.field))


def _otherwise(subject: Subject, rules: Rules) -> Iterator[Possible]:
    """A record that says what it should, and would not."""
    columns = ["hub_id_said"] if subject.field == "hub_id" else _value_columns(subject)
    ref = subject.record_ref
    change = {"what": "silent", "record_ref": ref, "columns": columns}
    yield f"{shown.record(ref)} said no {subject.field.replace('_', ' ')}", change, lambda remade: remade.say(ref, dict.fromkeys(columns))


def _by_rules(write: Write) -> Possible:
    subject, name = write.subject, write.rule.name
    where = f"{subject.system} {subject.object}"
    told = {
        "owner": f"another role owned {subject.field}, and {subject.system} mirrored it (ownership.yaml)",
        "not_mirrored": f"ownership.yaml had {subject.field} mirrored in {subject.system}",
        "not_mapped": f"system.yaml mapped {subject.field} of {where}",
        "no_way_back": f"system.yaml gave {where} a way to write {subject.field}",
    }
    return told[name], {"what": "rules"}, None
