"""No known way around the controls gets through; and when a control is taken out, one does, and the command says so."""

import json

import pytest
from typer.testing import CliRunner

from assets import cli, prove_controls
from assets.prove_attempts import attempts
from assets.prove_firm import Stage
from hub import door
from reconcile import plan, verdict


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("firm"))
    yield made
    made.close()


@pytest.fixture
def fresh(stage):
    stage.again()
    return stage


def test_at_least_fifty_ways_around_the_controls_are_tried_and_each_is_refused(stage):
    tried = prove_controls.prove(stage=stage)

    assert [each.attempt.what for each in tried if each.got_through] == []
    assert len(tried) >= 50
    assert all(each.says for each in tried)
    assert len({each.attempt.what for each in tried}) == len(tried)


# Taking out one check of the journal lets these through. What two places keep needs both taken out.
@pytest.mark.parametrize(
    "family, taken",
    [
        ("direct call", ["_check_consent"]),
        ("direct call", ["_check_same"]),
        ("self-approval", ["_check_person"]),
        ("role", ["_check_actor"]),
        ("clock", ["_check_window"]),
        ("clock", ["_check_moment"]),
    ],
)
def test_without_a_check_something_gets_through_and_the_command_fails(stage, monkeypatch, family, taken):
    for name in taken:
        monkeypatch.setattr(door, name, lambda *_: None)
    monkeypatch.setattr(prove_controls, "attempts", lambda: [each for each in attempts() if each.family == family])
    monkeypatch.setattr(prove_controls, "Stage", lambda _: stage)
    monkeypatch.setattr(stage, "close", lambda: None)

    done = CliRunner().invoke(cli.app, ["prove-controls", "--json"])

    assert done.exit_code == 1
    assert "YES" in [each["got through"] for each in json.loads(done.stdout)]


def test_a_line_says_what_is_at_stake_who_made_it_and_how_many_eyes_it_needs(fresh):
    lines = fresh.lines

    assert (json.loads(lines["own"].authors), lines["own"].eyes, lines["own"].sensitivity) == (["Carla Conti"], 1, "internal")
    assert (lines["eyes"].eyes, lines["eyes"].sensitivity) == (2, "sensitive")
    assert lines["posted"].hold == "posted; the lawful way is a credit_memo"
    assert (
        lines["closed"].hold
        == "closed period: the period of the invoice is closed; the lawful way is a credit_memo in the next open period"
    )


def test_two_persons_let_a_line_pass_that_needs_four_eyes(fresh):
    status = lambda: next(line.status for line in fresh.plan_again().lines if line.line_id == fresh.lines["eyes"].line_id)
    fresh.consent(fresh.lines["eyes"], "Ben Beck")
    after_one = status()

    fresh.consent(fresh.lines["eyes"], "Carla Conti")

    assert (after_one, status()) == ("needs_consent", "approved")


def test_consent_to_all_leaves_out_what_is_not_theirs_to_consent_to(fresh):
    made = fresh.plan()

    count = plan.approve(fresh.journal, made, made.hash, "Carla Conti")

    waiting = [line for line in fresh.plan_again().lines if line.status == "needs_consent"]
    assert count > 0
    assert fresh.lines["own"].line_id in {line.line_id for line in waiting}
    assert all(line.eyes == 2 or "Carla Conti" in json.loads(line.authors) for line in waiting)


def test_a_plan_that_would_change_too_much_of_an_object_stops_until_a_controller_releases_it(fresh):
    tight = {"people": {"controller": ["Ben Beck"]}, "breaker": {"share": 0.01, "at_least": 1}}
    fresh.note("controls.set", "controls", "Ben Beck", **fresh.in_force() | {"controls": tight})
    stopped = fresh.plan_again()

    fresh.note("breaker.released", "salesforce Account", "Ben Beck", system="salesforce", object="Account", records=10**6)

    at = lambda made: {line.hold for line in made.lines if (line.object, line.field) == ("Account", "legal_name")}
    assert "breaker: too much of salesforce Account would change at once" in str(at(stopped))
    assert at(fresh.plan_again()) == {None}


def test_a_line_tells_what_moved_since_the_hub_wrote_there(fresh):
    line = fresh.lines["plain"]
    told = lambda: fresh.hub(lambda hub: {each["line"]: (each["verdict"], each["because"]) for each in verdict.explained(hub)})
    never = told()[line.line_id]
    fresh.consent(line)
    fresh.intend(line)
    fresh.outcome("acknowledged")
    fresh.outcome("confirmed")
    fresh.plan_again()

    assert never == ("push", "the hub never wrote it")
    assert told()[line.line_id] == ("target moved", "somebody changed it there since the hub wrote it")
    assert told()[fresh.lines["posted"].line_id] == ("blocked", fresh.lines["posted"].hold)


def test_the_difference_between_two_plans_names_what_came_and_what_left(fresh):
    line = fresh.lines["plain"]
    fresh.note("discrepancy.waived", line.discrepancy_id, "Ben Beck", reason="known")
    fresh.plan_again()

    (change,) = fresh.hub(verdict.difference)

    assert (change["what"], change["line"], change["after"]) == ("left", line.line_id, line.want)
