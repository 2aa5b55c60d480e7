"""Why a golden value won, why the others lost, and what would make them win: told as the hub decides, and true when it is done."""

import json

import pytest
from played import Play

from assets import sqlmesh_models
from hub import entity, projection, rules, store
from hub.errors import Refused
from reconcile import why_value, why_value_flip, why_value_told, why_value_trial

SEVERAL = "SELECT hub_id FROM golden.customer WHERE record_count > 2 ORDER BY hub_id LIMIT 6"


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.observe()
    play.understand()
    yield play
    play.close()


@pytest.fixture(scope="module")
def queries(play):
    return {model.name: model.touched for model in sqlmesh_models.compiled(play.firm)}


@pytest.fixture
def explained(play, queries):
    """What is told of a golden value, and what would make another one win."""
    the_rules = rules.of(str(play.firm.folder.resolve()))

    def explain(hub_id, field):
        with store.writing(play.firm.hub_file) as connection:
            projection.load(connection, play.journal)
            value = why_value.asked(connection, hub_id, field, the_rules)
            return value, why_value_flip.flips(connection, value, queries, the_rules), why_value_flip.pins(connection, value, queries)

    return explain


def golden(play, hub_id, field):
    return play.rows(f"SELECT {field}, {field}_from FROM golden.customer WHERE hub_id = ?", hub_id)[0]


def a_flip(play, explained, field, what):
    """A thing, its value, and one change that makes another value of it win."""
    for (hub_id,) in play.rows("SELECT hub_id FROM golden.customer WHERE record_count > 1 ORDER BY hub_id"):
        value, flips, _ = explained(hub_id, field)
        for flip in flips:
            if [change.what for change in flip.changes] == [what] and flip.value is not None:
                return value, flip
    raise AssertionError(f"no {field} of this firm is reversed by {what}")


def test_who_won_and_with_what_is_what_the_golden_record_holds(play, explained):
    for (hub_id,) in play.rows(SEVERAL):
        for field in ("legal_name", "phone", "payment_terms"):
            value, flips, pins = explained(hub_id, field)

            assert (value.won, value.given) == golden(play, hub_id, field)
            assert [cell.reason for cell in value.cells if not cell.reason] == []
            assert all(flip.value != value.won for flip in (*flips, *pins))


def test_a_golden_record_made_again_with_nothing_changed_holds_the_same_values(play, queries):
    fields = [name for name, each in entity.all_entities()["customer"].fields.items() if each.type != "reference"]
    for (hub_id,) in play.rows(SEVERAL):
        for field in fields:
            with store.writing(play.firm.hub_file) as connection:
                value = why_value.asked(connection, hub_id, field, rules.of(str(play.firm.folder.resolve())))

                again = why_value_trial.run(connection, queries, value, [(), ()])

            assert again == [(value.won, value.given)] * 2


def test_a_value_that_would_win_if_another_had_never_been_said_wins_then(play, explained):
    value, flip = a_flip(play, explained, "phone", "silent")
    ref = flip.changes[0].record_ref
    system, name, record_id = ref.split(":", 2)
    source = play.firm.systems[system].system.objects[name].columns()["phone"][1].source

    play.rows(f'UPDATE capture."{system}__{name}" SET "{source}" = NULL, _field_changed_at = NULL WHERE _id = ?', record_id)
    play.rows("INSERT INTO capture.pending VALUES (?, 'update')", ref)
    play.understand()

    assert golden(play, value.hub_id, "phone") == (flip.value, flip.given)


def test_a_value_that_would_win_if_a_record_were_gone_wins_then(play, explained):
    value, flip = a_flip(play, explained, "legal_name", "gone")
    ref = flip.changes[0].record_ref
    system, name, record_id = ref.split(":", 2)

    play.rows(f"UPDATE capture.\"{system}__{name}\" SET _gone = 'deleted' WHERE _id = ?", record_id)
    play.rows("INSERT INTO capture.pending VALUES (?, 'delete')", ref)
    play.understand()

    assert golden(play, value.hub_id, "legal_name") == (flip.value, flip.given)


def test_a_value_that_would_win_at_another_point_of_the_life_cycle_is_told_with_the_point(play, explained):
    value, flip = a_flip(play, explained, "legal_name", "state")

    assert value.rule.endswith("while customer or closed")
    assert flip.changes[0].to == "prospect"
    assert flip.given.startswith("salesforce:")
    assert "if it were prospect, it would be" in "\n".join(why_value_told.lines(value, [flip], []))


def test_a_pin_of_a_value_that_lost_makes_it_win_and_is_told_with_what_lifts_it(play, explained):
    value, _, pins = next(found for (hub_id,) in play.rows(SEVERAL) if (found := explained(hub_id, "legal_name"))[2])
    pin = pins[0]
    body = {"record_ref": pin.changes[0].record_ref, "column": "legal_name", "value": pin.value}
    play.note("value.pinned", body["record_ref"], body)
    play.understand()

    after, flips, _ = explained(value.hub_id, "legal_name")

    assert golden(play, value.hub_id, "legal_name") == (pin.value, "pin")
    assert after.cells[0].reason == "pinned by steward"
    assert [(flip.value, flip.given) for flip in flips if [change.what for change in flip.changes] == ["unpinned"]] == [
        (value.won, value.given)
    ]


def test_what_needs_two_records_to_be_otherwise_is_told_with_both(play, explained):
    flips = [flip for (hub_id,) in play.rows(SEVERAL) for flip in explained(hub_id, "legal_name")[1]]

    assert {len(flip.changes) for flip in flips} >= {1, 2}
    assert all(len({change.record_ref or change.what for change in flip.changes}) == len(flip.changes) for flip in flips)


def test_what_is_unknown_is_refused_with_what_is_similar(explained):
    with pytest.raises(Refused, match="customer has no field 'legal_nam'; similar: legal_name"):
        explained("C-000001", "legal_nam")
    with pytest.raises(Refused, match="no record or hub id 'C-00001' in the newest cut; similar: C-000001"):
        explained("C-00001", "legal_name")


def test_sensitive_values_are_never_shown(play, explained):
    values = {value for (value,) in play.rows("SELECT tax_id FROM canonical.customer WHERE tax_id IS NOT NULL")}
    found = [explained(hub_id, "tax_id") for (hub_id,) in play.rows(SEVERAL)]

    told = "\n".join(json.dumps(why_value_told.as_dict(*each)) + "\n".join(why_value_told.lines(*each)) for each in found)

    assert "(hidden: sensitive)" in told
    assert [value for value in values if value in told] == []
