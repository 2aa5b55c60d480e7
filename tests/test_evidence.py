"""A decision is shown again when its own evidence changed and speaks against it; nothing else reopens it."""

import pytest
import yaml
from small_firm import Small
from test_decide import deciding

from hub import matching
from reconcile import decide, decisions

A, B, C = "crm:Account:1", "crm:Account:2", "erp:Customer:7"


@pytest.fixture
def small(tmp_path):
    made = Small(tmp_path)
    made.say(A, Name="Brindle Works GmbH", Website="brindle.example")
    made.say(B, Name="Tarnfield Ltd", Website="tarnfield.example")
    made.say(C, Name="Brindle Works", Website="brindle.example")
    made.turn()
    return made


def reopened(small):
    return small.hub("SELECT left_ref, right_ref, verdict, says FROM work.reopened ORDER BY ALL")


def test_two_that_were_parted_are_shown_again_when_new_evidence_links_them(small):
    deciding(small, decide.pair, A, C, "different")
    small.turn()
    small.say(A, Industry="Steel")
    small.say(B, Phone="+49 30 1234567")
    small.turn()
    assert reopened(small) == []

    small.say(A, Phone="+49 30 7654321")
    small.say(C, Phone="+49 30 7654321")
    small.turn()

    assert reopened(small) == [(A, C, "different", "link")]
    assert small.ties()[A] != small.ties()[C]
    (row,) = deciding(small, decisions.standing)
    assert (row["said"], row["state"]) == (f"{A} and {C} are different", "evidence changed")

    deciding(small, decide.pair, A, C, "different", reason="still")
    small.turn()

    assert reopened(small) == []


def test_two_that_were_united_are_shown_again_when_nothing_speaks_for_it_any_more(small):
    deciding(small, decide.pair, A, C, "same")
    deciding(small, decide.pair, A, B, "same")
    small.turn()

    small.say(A, Name="Ostwald KG", Website="ostwald.example")
    small.turn()

    assert reopened(small) == [(A, C, "same", "none")]  # nothing spoke for A and B when it was said either
    assert small.ties()[A] == small.ties()[C]


def test_values_that_come_back_close_it_again(small):
    deciding(small, decide.pair, A, C, "different")
    small.say(A, Phone="+49 30 7654321")
    small.turn()
    assert len(reopened(small)) == 1

    small.say(A, Phone=None)
    small.turn()

    assert reopened(small) == []


def test_other_rules_reopen_nothing(small):
    deciding(small, decide.pair, A, C, "different")
    small.turn()

    rules = yaml.safe_load((matching.FOLDER / "customer.yaml").read_text())
    (small.firm.folder / "identity").mkdir()
    (small.firm.folder / "identity/customer.yaml").write_text(yaml.safe_dump(rules | {"review": rules["review"] - 1}))
    small.turn()

    assert reopened(small) == []
    assert small.ties()[A] != small.ties()[C]
