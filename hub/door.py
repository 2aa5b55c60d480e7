"""What the journal refuses to record: consent that nobody may give, and a write that nobody consented to.

It judges by the chain alone, in the transaction of the append: no table of the hub is believed, and no caller. So a plan that
was edited, a consent that was made up, a push that is done again and a clock that was turned back all end here.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hub import past
from hub.controls import Controls, person
from hub.errors import Refused
from hub.journal_tables import event
from hub.past import Approval, Line, Past, Sent

GUARDED = ("controls.set", "breaker.released", "plan.approved", "push.intended")
NOBODY = ("", "hub", "policy")  # what is no person's name
SKEW = timedelta(minutes=5)
INTENT = ("system", "object", "record_id", "action")  # what an intent repeats of its lines


class Door:
    """Checks what is about to be recorded; one for each opened journal."""

    def __init__(self):
        self._past, self._sent = Past(), Sent()

    def check(self, connection: sa.Connection, events: Sequence[Any], now: datetime) -> None:
        """Nothing, when these events (with kind, subject, body, actor, at) may follow. Raises Refused, naming the line and what to do."""
        guarded = [each for each in events if each.kind in GUARDED]
        if not guarded:
            return
        head, moment = _last(connection)
        now = max(now, moment)  # a clock that was turned back gives no consent a longer life
        in_force = past.last(connection, "controls.set") or {}
        controls = Controls.model_validate(in_force.get("controls", {}))
        for each in guarded:
            _check_moment(each, now)
            _check_form(each)
            if each.kind != "push.intended":
                _check_actor(each, controls)
        self._check_approvals(connection, [each for each in guarded if each.kind == "plan.approved"], in_force, controls)
        intents = [each for each in guarded if each.kind == "push.intended"]
        self._check_intents(connection, intents, in_force, controls, now, head)

    def note(self, recorded: Sequence[Any]) -> None:
        """Remember what was recorded, in the transaction that recorded it: so it is not read again with the next intent."""
        self._sent.note(recorded)

    def forget(self) -> None:
        """Remember nothing: what was noted may not have been recorded after all."""
        self._sent = Sent()

    def _check_approvals(self, connection, events: list[Any], in_force: dict[str, Any], controls: Controls) -> None:
        lines = self._past.sealed(connection, {line_id for each in events for line_id in each.body["lines"]})
        pairs = {line_id: line for line_id, line in lines.items() if line.get("eyes", 1) > 1}
        given = self._past.approvals(connection, pairs) if pairs else {}
        for each in events:
            for line_id in each.body["lines"]:
                line = _standing(lines, line_id)
                if line.get("hold"):
                    raise Refused(f"{about(line)} is held: {line['hold']}")
                if not each.body.get("policy"):
                    _check_person(each.actor, line, given.get(line_id, []), controls)
        _check_policies([each for each in events if each.body.get("policy")], lines, in_force)

    def _check_intents(self, connection, intents: list[Any], in_force: dict, controls: Controls, now: datetime, head: int) -> None:
        if not intents:
            return
        line_ids = [line_id for each in intents for line_id in each.body["lines"]]
        lines = self._past.sealed(connection, line_ids)
        given = self._past.approvals(connection, lines)
        self._sent.follow(connection, min((each.seq for consents in given.values() for each in consents), default=0), head)
        seen: set[str] = set()
        for each in intents:
            _check_window(each, in_force, controls, now)
            _check_same(each, lines)
            for line_id in each.body["lines"]:
                line = _standing(lines, line_id)
                if line_id in seen:
                    raise Refused(f"{about(line)}: it is in two pushes at once; send it with one")
                seen.add(line_id)
                _check_consent(line, given[line_id], controls, now)
                self._check_first(line, given[line_id])

    def _check_first(self, line: Line, consents: list[Approval]) -> None:
        """Consent counts once, and until something spoke against the line."""
        line_id, given = line["line_id"], consents[0].seq if consents else 0
        if line_id in self._sent.way:
            raise Refused(f"{about(line)}: push {self._sent.way[line_id]} of it has no end yet; the next turn looks what became of it")
        if self._sent.done.get(line_id, 0) > given:
            raise Refused(f"{about(line)}: it was sent and confirmed since the consent, which counts once; make a plan and consent again")
        if self._sent.stopped and self._sent.stopped.get(about(line), 0) > given:
            raise Refused(f"{about(line)}: an exception was opened about it since the consent; see `hub exceptions`, then consent again")


def about(line: Line) -> str:
    """What exceptions call a line."""
    return f"{line.get('system')} {line.get('object')} {line.get('record_id') or line.get('hub_id')} {line.get('field') or 'create'}"


def _last(connection: sa.Connection) -> tuple[int, datetime]:
    """Seq and time of the last event."""
    seq, at_us = connection.execute(sa.select(event.c.seq, event.c.at_us).order_by(event.c.seq.desc()).limit(1)).first() or (0, 0)
    return seq, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def _check_moment(each: Any, now: datetime) -> None:
    at = each.at and (each.at if each.at.tzinfo else each.at.replace(tzinfo=UTC))
    if at and abs(at - now) > SKEW:
        raise Refused(
            f"{each.kind} {each.subject}: it says that it happens at {at:%Y-%m-%d %H:%M} and it is {now:%Y-%m-%d %H:%M}; set the clock"
        )


def _check_form(each: Any) -> None:
    needed = {"plan.approved": {"lines"}, "push.intended": {"lines", "fields", "hub_id", *INTENT}}.get(each.kind, set())
    if missing := needed - each.body.keys():
        raise Refused(f"{each.kind} {each.subject}: it has no {', '.join(sorted(missing))}; the hub's own commands write it whole")


def _check_actor(each: Any, controls: Controls) -> None:
    """Who may: a policy only consents; once a controller is named, of people only controllers may."""
    who = person(each.actor)
    if each.kind == "plan.approved" and each.body.get("policy"):
        if each.actor != "policy":
            raise Refused(f"{each.actor or 'nobody'} consents in the name of policy {each.body['policy']}; consent in your own name")
        return
    if who in NOBODY and (each.kind != "controls.set" or controls.controllers):
        raise Refused(f"{each.kind}: {each.actor!r} is no person; say who with --actor")
    if controls.controllers and who not in controls.controllers:
        raise Refused(f"{each.kind}: {each.actor} is no controller of this firm; ask one of {', '.join(controls.people['controller'])}")


def _check_person(actor: str, line: Line, given: list[Approval], controls: Controls) -> None:
    authors = {person(each): each for each in json.loads(line.get("authors") or "[]")}
    if person(actor) in authors and not controls.alone:
        raise Refused(f"{about(line)} rests on a decision of {actor}, and nobody consents to their own change; let somebody else read it")
    if person(actor) in {person(each.actor) for each in given}:
        raise Refused(f"{about(line)} needs two persons, and {actor} has consented already; let somebody else read it")


def _check_policies(events: list[Any], lines: dict[str, Line], in_force: dict[str, Any]) -> None:
    policies = {f"{each['name']} v{each['version']}": each for each in in_force.get("policies", ())}
    counted: dict[str, int] = {}
    for each in events:
        name = each.body["policy"]
        if name not in policies:
            raise Refused(f"policy {name} is not in force; see `hub controls`")
        for line_id in each.body["lines"]:
            if not covers(policies[name], lines[line_id], in_force["roles"]):
                raise Refused(f"{about(lines[line_id])} is not covered by policy {name}; consent to it yourself")
        counted[name] = counted.get(name, 0) + len(each.body["lines"])
        if (most := policies[name]["limit"]["lines"]) is not None and counted[name] > most:
            raise Refused(f"policy {name} covers {most} lines of a plan, and this are {counted[name]}; consent to them yourself")


def covers(policy: dict[str, Any], line: Line, roles: dict[str, str]) -> bool:
    """Whether a policy in force covers a line: what it names, within its limits; never what needs four eyes or empties a field."""
    named = lambda key, value: not policy[key] or value in policy[key]
    limit, update = policy["limit"], line["action"] == "update"
    return (
        line["action"] in policy["actions"]
        and named("entities", line["entity"])
        and named("roles", roles.get(line["system"]))
        and (not update or named("fields", line["field"]))
        and (not update or not limit["classes"] or line.get("sensitivity") in limit["classes"])
        and (limit["amount"] is None or float(line.get("money") or 0) <= float(limit["amount"]))
        and line.get("eyes", 1) == 1
        and not empties(line)
    )


def empties(line: dict[str, Any]) -> bool:
    """Whether a line would leave nothing where something is."""
    # The text is asked first: hardly any line says null, and each policy asks about each line.
    return line["action"] == "update" and "null" in line["want"] and set(json.loads(line["want"]).values()) == {None}


def _standing(lines: dict[str, Line], line_id: str) -> Line:
    if line_id not in lines:
        raise Refused(f"line {line_id} is in no plan as it stands; read `hub plan` again")
    return lines[line_id]


def _check_window(each: Any, in_force: dict[str, Any], controls: Controls, now: datetime) -> None:
    system = each.body["system"]
    if not controls.is_open(in_force.get("roles", {}).get(system, ""), now):
        raise Refused(f"push {each.subject}: {system} may not be written to at this hour; its window is in controls.yaml")


def _check_same(each: Any, lines: dict[str, Line]) -> None:
    """That an intent says what its lines say, and nothing beyond them."""
    body = each.body
    ours = [_standing(lines, line_id) for line_id in body["lines"]]
    said = {line.get("field") or "create": {"base": line["base"], "want": line["want"]} for line in ours}
    meant = {field: {"base": value["base"], "want": value["want"]} for field, value in body["fields"].items()}
    other = [name for line in ours for name in INTENT if line[name] != body[name]]
    if not ours or said != meant or other or (body["action"] == "create" and ours[0]["hub_id"] != body["hub_id"]):
        raise Refused(
            f"push {each.subject}: it is not what its lines say ({', '.join(other or sorted(meant))}); make a plan and consent to that"
        )


def _check_consent(line: Line, consents: list[Approval], controls: Controls, now: datetime) -> None:
    if line.get("hold"):
        raise Refused(f"{about(line)} is held: {line['hold']}")
    fresh = list(_fresh(consents, controls, now))
    if not fresh:
        old = f"; that of {consents[0].actor} is older than {controls.valid_days} days" if consents else ""
        raise Refused(f"{about(line)}: nobody consented to it{old}; see `hub plan --needs-consent`")
    people = {person(each.actor) for each in fresh if each.policy is None}
    if len(people) < line.get("eyes", 1) and line.get("eyes", 1) > 1:
        raise Refused(
            f"{about(line)} needs two persons, and {', '.join(sorted(people)) or 'a policy'} consented; let somebody else read it"
        )


def _fresh(consents: Iterable[Approval], controls: Controls, now: datetime) -> Iterable[Approval]:
    oldest = 0 if controls.valid_days is None else (now - timedelta(days=controls.valid_days)).timestamp() * 1_000_000
    return (each for each in consents if each.at_us >= oldest)
