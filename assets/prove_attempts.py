"""Ways around the controls, by family. Each attempt prepares what it needs, up to its `yield`, and then tries."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from assets import correct
from assets.prove_firm import CONTROLLERS, CONTROLS, Stage
from hub import projection
from hub.journal import Event
from reconcile import in_force, plan, push, replay
from reconcile.correction import Correction, intent
from reconcile.lease import Held

Steps = Callable[[Stage], Iterator[None]]
CARLA, BEN = CONTROLLERS
OTHER_TERMS = {"payment_terms": "due_now"}


@dataclass(frozen=True)
class Attempt:
    """One way around. `what` says it in words."""

    family: str
    what: str
    steps: Steps


def attempts() -> list[Attempt]:
    """All of them, in families."""
    families = {
        "direct call": _direct(),
        "edited plan": _edited(),
        "replay": _replayed(),
        "self-approval": _self_approved(),
        "dead-letter edit": _dead_letters(),
        "clock": _clock(),
        "role": _roles(),
        "journal file": _file(),
    }
    return [Attempt(family, what, steps) for family, found in families.items() for what, steps in found.items()]


def _simply(tried: Callable[[Stage], object], before: Callable[[Stage], object] = lambda stage: None) -> Steps:
    """An attempt that prepares with one function, and tries another."""

    def steps(stage: Stage) -> Iterator[None]:
        before(stage)
        yield
        tried(stage)

    return steps


def _consented(stage: Stage, name: str = "plain") -> None:
    stage.consent(stage.lines[name])


def _direct() -> dict[str, Steps]:
    """Calling the journal or the pusher's inner functions instead of the commands."""
    intend = lambda name, **other: lambda stage: stage.intend(stage.lines[name], **other)
    field = lambda stage: stage.lines["plain"].field
    base = lambda stage: stage.lines["plain"].base
    other = lambda stage: {field(stage): {"base": base(stage), "want": json.dumps(OTHER_TERMS), "why": ""}}
    more = lambda stage: other(stage) | {"credit_limit": {"base": None, "want": '{"credit_limit":1}', "why": ""}}
    invented = lambda stage: stage.lines["plain"]._replace(line_id="0" * 32)
    return {
        "send a line that nobody consented to": _simply(intend("plain")),
        "send to a posted invoice": _simply(intend("posted")),
        "send into a closed period": _simply(intend("closed")),
        "send a line that is in no plan": _simply(lambda stage: stage.intend(invented(stage))),
        "send no line at all": _simply(intend("plain", lines=[])),
        "send another value than was consented to": _simply(
            lambda stage: stage.intend(stage.lines["plain"], fields=other(stage)), _consented
        ),
        "send one field more than was consented to": _simply(
            lambda stage: stage.intend(stage.lines["plain"], fields=more(stage)), _consented
        ),
        "send it to another record": _simply(intend("plain", record_id="1"), _consented),
        "send it to another system": _simply(intend("plain", system="netsuite"), _consented),
        "send it to another object": _simply(intend("plain", object="Contact"), _consented),
        "send an update as a create": _simply(intend("plain", action="create"), _consented),
        "let one consent carry a second line": _simply(
            lambda stage: stage.intend(stage.lines["plain"], lines=[stage.lines[name].line_id for name in ("plain", "other")]), _consented
        ),
        "hand the pusher a line that nobody consented to": _simply(lambda stage: _handed(stage, stage.lines["plain"])),
        "hand the pusher a line for a posted invoice": _simply(lambda stage: _handed(stage, stage.lines["posted"]._replace(hold=None))),
        "hand the pusher a line with another value": _simply(
            lambda stage: _handed(stage, stage.lines["plain"]._replace(want=json.dumps({field(stage): "other"}))), _consented
        ),
        "consent to a posted invoice": _simply(lambda stage: stage.consent(stage.lines["posted"])),
        "consent to a write into a closed period": _simply(lambda stage: stage.consent(stage.lines["closed"])),
        "consent to a line that is in no plan": _simply(lambda stage: stage.consent(invented(stage))),
    }


def _handed(stage: Stage, line: plan.Line) -> None:
    member = stage.firm.systems[line.system]
    connector = member.connect()
    with closing(connector):
        stage.hub(
            lambda connection: push.push_batch(
                push.Way(connection, stage.journal, member.system, connector, "worker"),
                member.system.objects[line.object],
                Held(
                    [Correction("P-1", (line,))],
                    Event("push.leased", line.system, {"lines": [], "until": "9999-01-01T00:00:00Z"}, "worker", seq=0),
                ),
            )
        )


def _edited() -> dict[str, Steps]:
    """Editing the hub's tables, the plan in memory, or the rule files."""
    approve = "INSERT INTO journal.approval BY NAME SELECT line_id, 'plan' AS plan, 'Ben Beck' AS actor, 9000000 AS seq FROM outbound.delta"
    every = plan.DUE[: plan.DUE.index("AS\n")] + "AS SELECT *, 'approved' AS status FROM outbound.delta"
    tampered = lambda *sql: _simply(lambda stage: stage.push(), lambda stage: _tamper(stage, sql))
    changed = lambda sets: _simply(lambda stage: stage.push(), lambda stage: _change(stage, sets))
    alone = CONTROLS | {"alone": True, "people": {}, "windows": {}}
    anything = [{"name": "anything", "version": 1, "why": "so", "actions": ["create", "update"]}]
    louder = [{"name": "hub ids", "version": 1, "why": "so", "actions": ["create", "update"]}]
    held = lambda name: lambda stage: stage.lines[name]._replace(hold=None, status="needs_consent")
    return {
        "put consents into the hub's table": tampered("DELETE FROM journal.approval", approve),
        "put consents into the hub's table and lift every hold": tampered("UPDATE edited SET held = NULL", approve),
        "put consents there and take the guards' view away": tampered(
            approve, "CREATE OR REPLACE VIEW work.guarded AS SELECT '' AS about, '' AS says"
        ),
        "put consents there and take the controls' view away": tampered(
            approve,
            "CREATE OR REPLACE VIEW work.control AS SELECT NULL::DECIMAL AS eyes_amount, NULL::VARCHAR[] AS eyes_classes, NULL AS valid_days, 9 AS most_share, 9 AS at_least",
        ),
        "put consents there and say that nobody was the author": tampered(approve, "DELETE FROM journal.pin"),
        "replace the plan's view by one that approves all": tampered(f"DROP VIEW work.plan_line; {every}"),
        "edit what an approved line writes": changed("""want = '{"legal_name":"Another GmbH"}'"""),
        "edit the record that an approved line writes to": changed(
            "record_id = (SELECT max(record_id) FROM edited WHERE object = 'Account' AND action = 'update')"
        ),
        "edit the system that an approved line writes to": changed("system = 'netsuite', object = 'customer', record_id = '1001'"),
        "consent to an edited plan without its hold": _simply(lambda stage: _approve(stage, held("posted")(stage))),
        "consent to an edited plan without its guard": _simply(lambda stage: _approve(stage, held("closed")(stage))),
        "consent to an edited plan without its author": _simply(
            lambda stage: _approve(stage, stage.lines["own"]._replace(authors=None), CARLA)
        ),
        "consent by the hash of another plan": _simply(lambda stage: plan.approve(stage.journal, stage.plan(), "0" * 16, BEN)),
        "consent by the beginning of any hash": _simply(
            lambda stage: plan.approve(stage.journal, stage.plan(), stage.plan().hash[:1], BEN)
        ),
        "write a policy that approves anything": _simply(
            lambda stage: stage.plan_again(), lambda stage: stage.write("policies.yaml", anything)
        ),
        "let a policy cover more under its old version": _simply(
            lambda stage: in_force.put(stage.journal, correct.proposed(stage.firm), BEN), lambda stage: stage.write("policies.yaml", louder)
        ),
        "write controls without controllers, then consent to one's own change": _simply(
            lambda stage: (stage.plan_again(), stage.consent(stage.lines["own"], CARLA)), lambda stage: stage.write("controls.yaml", alone)
        ),
    }


def _tamper(stage: Stage, sql: tuple[str, ...]) -> None:
    """Edit the hub's file: no policy's consent stands any more, and the corrections are a table that can be edited."""
    _no_policy(stage)
    edited = ("CREATE TABLE edited AS FROM outbound.delta", *sql, "CREATE OR REPLACE VIEW outbound.delta AS FROM edited")
    stage.hub(lambda connection: [projection.load(connection, stage.journal), *(connection.execute(each) for each in edited)])


def _change(stage: Stage, sets: str) -> None:
    """Edit a line that somebody consented to."""
    _consented(stage)
    _tamper(stage, (f"UPDATE edited SET {sets} WHERE line_id = '{stage.lines['plain'].line_id}'",))


def _approve(stage: Stage, line: plan.Line, actor: str = BEN) -> None:
    edited = plan.Plan((line,))
    plan.approve(stage.journal, edited, edited.hash, actor, [line.line_id])


def _replayed() -> dict[str, Steps]:
    """Doing again what was done, with a consent that was good once."""
    sent = lambda *states: (
        lambda stage: (_consented(stage), stage.intend(stage.lines["plain"]), *(stage.outcome(state) for state in states))
    )
    again = lambda stage: stage.intend(stage.lines["plain"], "P-2")
    left = lambda stage: stage.note("plan.sealed", "plan", lines=[], gone=[stage.lines["plain"].line_id])
    back = lambda stage: stage.note("plan.sealed", "plan", lines=[_sealed(stage.lines["plain"])], gone=[])
    withdraw = lambda stage: plan.withdraw(stage.journal, "plan", BEN, [stage.lines["plain"].line_id])
    return {
        "send the same push again while it has no answer": _simply(lambda stage: stage.intend(stage.lines["plain"]), sent()),
        "send the line under another push while it has no answer": _simply(again, sent()),
        "send it again while it is in doubt": _simply(again, sent("in_doubt")),
        "send it again after it was acknowledged": _simply(again, sent("acknowledged")),
        "send it again after it was confirmed": _simply(again, sent("acknowledged", "confirmed")),
        "send two pushes of one line at once": _simply(lambda stage: stage.journal.append(_twice(stage)), _consented),
        "send a line that has left the plan": _simply(again, lambda stage: (_consented(stage), left(stage))),
        "use consent from before the line left the plan and came back": _simply(
            again, lambda stage: (_consented(stage), left(stage), back(stage))
        ),
        "use consent that was taken back": _simply(again, lambda stage: (_consented(stage), withdraw(stage))),
        "let a policy give back what a person took": _simply(
            lambda stage: stage.plan_again(),
            lambda stage: plan.withdraw(
                stage.journal, "plan", BEN, [line.line_id for line in stage.plan().lines if line.status == "approved"]
            ),
        ),
        "ask for a replay of what never failed": _simply(lambda stage: replay.request(stage.journal, stage.lines["plain"].about, BEN)),
    }


def _twice(stage: Stage) -> list:
    return [intent(Correction(push_id, (stage.lines["plain"],))) for push_id in ("P-1", "P-2")]


def _sealed(line: plan.Line) -> dict:
    return {name: value for name, value in line._asdict().items() if name not in ("status", "consents")}


def _self_approved() -> dict[str, Steps]:
    """Consenting to one's own change, or being two persons."""
    own = lambda actor, **body: _simply(lambda stage: stage.consent(stage.lines["own"], actor, **body))
    second = lambda actor: _simply(
        lambda stage: stage.consent(stage.lines["eyes"], actor), lambda stage: stage.consent(stage.lines["eyes"], BEN)
    )
    return {
        "consent to one's own pin": own(CARLA),
        "consent to one's own pin in capitals": own(CARLA.upper()),
        "consent to one's own pin with blanks": own(f"  {CARLA.replace(' ', '   ')} "),
        "consent to one's own pin in full-width letters": own("".join(chr(ord(each) + 0xFEE0) if each != " " else each for each in CARLA)),
        "consent to one's own pin among all that waits": _simply(lambda stage: _bulk(stage)),
        "consent to one's own pin by the plan's hash": _simply(
            lambda stage: plan.approve(stage.journal, stage.plan(), stage.plan().hash, CARLA, [stage.lines["own"].line_id])
        ),
        "consent to one's own pin as the hub": own("hub"),
        "consent to one's own pin as nobody": own(""),
        "consent to one's own pin as a policy": own("policy", policy="contact details v1"),
        "consent to one's own pin in the name of a policy": own(CARLA, policy="contact details v1"),
        "be the second person oneself": second(BEN),
        "be the second person in other letters": second("BEN  beck"),
        "send what needs two persons with one": _simply(
            lambda stage: stage.intend(stage.lines["eyes"]), lambda stage: stage.consent(stage.lines["eyes"], BEN)
        ),
        "let a policy be the second person": _simply(
            lambda stage: stage.consent(stage.lines["eyes"], "policy", policy="contact details v1"),
            lambda stage: stage.consent(stage.lines["eyes"], BEN),
        ),
    }


def _bulk(stage: Stage) -> None:
    """Consent to all that waits leaves one's own lines out; so it is tried on them alone."""
    own = plan.Plan(tuple(line for line in stage.plan().lines if line.line_id == stage.lines["own"].line_id))
    plan.approve(stage.journal, own, own.hash, CARLA)


def _dead_letters() -> dict[str, Steps]:
    """Making something of a push that gave up."""
    gave_up = lambda kind="dead_letter": lambda stage: (_consented(stage), stage.trouble(stage.lines["plain"], kind))
    again = lambda stage: stage.intend(stage.lines["plain"])
    payload = lambda stage: {stage.lines["plain"].field: {"base": stage.lines["plain"].base, "want": "{}", "why": ""}}
    close = lambda stage: stage.note("exception.closed", f"dead_letter:{stage.lines['plain'].about}", "Stella Steward", about="")
    reopen = lambda stage: stage.trouble(stage.lines["plain"], message="all is well")
    ask = lambda stage: replay.request(stage.journal, stage.lines["plain"].about, "Stella Steward")
    also = lambda first, *more: lambda stage: [each(stage) for each in (first, *more)]
    return {
        "send a dead letter with the old consent": _simply(again, gave_up()),
        "send what a person's edit refused with the old consent": _simply(again, gave_up("refused")),
        "send what the system rejected with the old consent": _simply(again, gave_up("rejected")),
        "edit a dead letter's payload and send it": _simply(
            lambda stage: stage.intend(stage.lines["plain"], fields=payload(stage)), gave_up()
        ),
        "edit a dead letter's words and send it": _simply(again, also(gave_up(), reopen)),
        "close a dead letter and send it with the old consent": _simply(again, also(gave_up(), close)),
        "ask for a replay and send it with the old consent": _simply(again, also(gave_up(), ask)),
        "ask for a replay and let the pusher send it": _simply(lambda stage: _only(stage, "salesforce"), also(gave_up(), ask, _no_policy)),
    }


def _no_policy(stage: Stage) -> None:
    plan.withdraw(stage.journal, "plan", BEN, [line.line_id for line in stage.plan().lines if line.status == "approved"])


def _only(stage: Stage, name: str) -> None:
    correct.push_system(stage.firm, name, stage.journal)


def _clock() -> dict[str, Steps]:
    """Turning the clock, or telling another time."""

    def turned(**by: float) -> Callable[[Stage], None]:
        def turn(stage: Stage) -> None:
            stage.at += timedelta(**by)

        return turn

    later = lambda stage: (_consented(stage), turned(days=14)(stage))
    back = lambda stage: (later(stage), stage.note("cases.opened", "discrepancy", ids=[]), turned(days=-14)(stage))
    night = lambda stage: turned(hours=12)(stage)
    return {
        "consent in the past": _simply(lambda stage: stage.consent_at(stage.lines["plain"], timedelta(days=-3))),
        "consent in the future, to last longer": _simply(lambda stage: stage.consent_at(stage.lines["plain"], timedelta(days=300))),
        "send with consent that is too old": _simply(lambda stage: stage.intend(stage.lines["plain"]), later),
        "turn the clock back to send with consent that is too old": _simply(lambda stage: stage.intend(stage.lines["plain"]), back),
        "send to the ledger at night": _simply(lambda stage: stage.intend(stage.lines["ledger"]), night),
        "let the pusher send to the ledger at night": _simply(lambda stage: _only(stage, "netsuite"), night),
        "send to the ledger at night and say that it was noon": _simply(
            lambda stage: stage.intend(stage.lines["ledger"], at=stage.at - timedelta(hours=12)), night
        ),
    }


def _roles() -> dict[str, Steps]:
    """Doing what only a controller may."""
    consent = lambda actor: _simply(lambda stage: stage.consent(stage.lines["plain"], actor))
    others = {"controls": {}, "policies": [], "roles": {}}
    free = lambda actor: _simply(lambda stage: stage.note("controls.set", "controls", actor, **others))
    name_me = CONTROLS | {"people": {"controller": [*CONTROLLERS, "Eva Engineer"]}}
    return {
        "consent as a steward": consent("Stella Steward"),
        "consent as an engineer": consent("Eva Engineer"),
        "consent under a name that only looks like a controller's": consent("Ben Вeck"),
        "name no controller any more, as an engineer": free("Eva Engineer"),
        "name no controller any more, as the hub": free("hub"),
        "become a controller by editing the file": _simply(
            lambda stage: (stage.plan_again(), stage.consent(stage.lines["plain"], "Eva Engineer")),
            lambda stage: stage.write("controls.yaml", name_me),
        ),
        "accept one's own controls": _simply(
            lambda stage: in_force.put(stage.journal, correct.proposed(stage.firm), "Eva Engineer"),
            lambda stage: stage.write("controls.yaml", name_me),
        ),
        "release the breaker as an engineer": _simply(
            lambda stage: stage.note(
                "breaker.released", "netsuite customer", "Eva Engineer", system="netsuite", object="customer", records=10**6
            )
        ),
        "release the breaker as the hub": _simply(
            lambda stage: stage.note("breaker.released", "netsuite customer", system="netsuite", object="customer", records=10**6)
        ),
    }


def _file() -> dict[str, Steps]:
    """Changing what the journal's file holds."""
    run = lambda sql: _simply(lambda stage: _execute(stage, sql))
    return {
        "rewrite an event": run("UPDATE event SET actor = 'Ben Beck' WHERE seq = 1"),
        "delete an event": run("DELETE FROM event WHERE kind = 'controls.set'"),
        "replace an event": run(
            "INSERT OR REPLACE INTO event SELECT 1, at_us, actor, 'plan.approved', subject, body, hash FROM event WHERE seq = 1"
        ),
        "insert an event between others": run(
            "INSERT INTO event SELECT -1, at_us, actor, 'plan.approved', subject, body, hash FROM event WHERE seq = 1"
        ),
        "rewrite a value that an event commits to": run("UPDATE kept SET said = '{}'"),
    }


def _execute(stage: Stage, sql: str) -> None:
    with closing(sqlite3.connect(stage.firm.journal)) as connection:
        connection.execute(sql)
        connection.commit()
