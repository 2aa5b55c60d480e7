"""What was sent comes out again, byte for byte, from the snapshots and the journal of the moment it was planned."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from played import Play
from unguarded import unguarded

from assets import publishing, reproduce
from hub.errors import Refused
from hub.journal import Event
from reconcile.exceptions import Trouble, opening


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """A firm after turns in which people edited what the hub had written from."""
    play = Play(tmp_path_factory.mktemp("firm"))
    play.turn()
    play.twin.people_edit(1)
    play.turn()
    play.twin.people_edit(2)
    play.turn()
    yield play
    play.close()


def test_every_payload_comes_out_again_as_it_was_sent_though_the_values_are_others_by_now(play):
    sent = [each.body for each in play.journal.events(kinds={"push.intended"})]

    found = reproduce.verify(play.firm, play.journal)

    assert len(found) == len(sent) > 20
    assert [each for each in found if each.state != "equal"] == []
    assert {each["action"] for each in sent} == {"create", "update"}
    assert len({each.plan for each in found}) > 1


def hub_replay(play, about):
    """What `hub replay --verify` printed, read as JSON."""
    command = [Path(sys.executable).parent / "hub", "replay", about, "--verify", "--json", "--project", str(play.firm.folder)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_one_push_and_the_pushes_of_one_plan_can_be_asked_for(play):
    [one, *_] = play.journal.events(kinds={"push.intended"})

    [alone] = hub_replay(play, one.subject)
    of_plan = reproduce.verify(play.firm, play.journal, alone["plan"])

    assert (alone["push"], alone["payload"]) == (one.subject, "equal")
    assert one.subject in {each.push_id for each in of_plan} and len(of_plan) > 1
    with pytest.raises(Refused, match="nothing was pushed of P-none"):
        reproduce.verify(play.firm, play.journal, "P-none")


def test_a_payload_that_does_not_come_out_is_told_by_its_field_and_one_of_an_earlier_version_by_what_is_missing(play):
    sent = next(each for each in play.journal.events(kinds={"push.intended"}) if each.body["action"] == "update")
    payload = json.loads(sent.body["payload"])
    field = next(iter(payload))
    forged = sent.body | {"payload": json.dumps(payload | {field: "another"})}
    with unguarded():
        play.journal.append([Event("push.intended", "P-forged", forged), Event("push.intended", "P-old", sent.body | {"payload": None})])

    [differs] = reproduce.verify(play.firm, play.journal, "P-forged")
    [old] = reproduce.verify(play.firm, play.journal, "P-old")

    assert differs.state == "differs" and differs.says.endswith(f"other ones come out: {field}")
    assert (old.state, old.says) == ("not known", "it was journaled without its payload, by an earlier version")


def test_what_a_push_gave_up_on_is_told_with_its_age_and_what_was_sent_last_but_nothing_sensitive(play):
    sent = [each.body for each in play.journal.events(kinds={"push.intended"}) if each.body["action"] == "update"]
    open_, secret = (
        next(each for each in sent if ("tax_id" in each["fields"]) == has and "hub_id" not in each["fields"]) for has in (False, True)
    )
    for each in (open_, secret):
        (field, *_) = sorted(each["fields"], key=lambda name: name != "tax_id")
        about = f"{each['system']} {each['object']} {each['record_id']} {field}"
        play.journal.append([opening(Trouble("dead_letter", about, f"{about}: answered 503, 3 times; see to it", each["system"]))])
    publishing.publish(play.firm, play.journal)

    command = [Path(sys.executable).parent / "hub", "exceptions", "--json", "--project", str(play.firm.folder)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)

    letters = {each["payload"] for each in told if each["kind"] == "dead_letter"}
    assert letters == {open_["payload"], "(hidden: sensitive)"}
    assert {each["days"] for each in told if each["kind"] == "dead_letter"} == {0}
