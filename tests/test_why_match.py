"""Why two records are one or are not, and what would reverse it: told as the hub decides, and true when it is done."""

import json
from random import Random

import pytest
from played import Play

from hub import rules, store
from hub.errors import Refused
from reconcile import why_match, why_told

ANOTHER = {
    "full_name": "Qoqo Zuxx",
    "email": "qoqo@zuxx.invalid",
    "phone": "+990000000",
    "tax_id": "XX55555",
    "registration_number": "XX777",
}


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.turn()
    play.turn()
    yield play
    play.close()


def the_rules(play):
    return rules.of(str(play.firm.folder.resolve()))


def asked(play, one, other):
    with store.writing(play.firm.hub_file) as connection:
        return why_match.asked(connection, one, other, the_rules(play))


def pairs(play, of, which="TRUE", most=12):
    """Some pairs of an entity, always the same ones."""
    found = play.rows(f"SELECT left_ref, right_ref, match_weight, verdict FROM identity.{of}_pair WHERE {which} ORDER BY 1, 2")
    return Random(7).sample(found, min(most, len(found)))


@pytest.mark.parametrize("of", ["customer", "contact"])
def test_the_weight_and_the_verdict_are_those_of_the_hub_and_the_waterfall_adds_up_to_them(play, of):
    for left, right, weight, verdict in pairs(play, of):
        found = asked(play, left, right)

        assert (found.outcome.weight, found.outcome.verdict) == (pytest.approx(weight, abs=1e-6), verdict)
        assert found.steps[-1].total == pytest.approx(weight, abs=1e-6)
        assert sum(step.weight for step in found.steps) == pytest.approx(weight, abs=1e-6)


def test_any_two_records_are_told_also_those_that_no_block_brought_together(play):
    refs = [ref for (ref,) in play.rows("SELECT record_ref FROM identity.customer_key ORDER BY 1")]
    known = {(left, right) for left, right in play.rows("SELECT left_ref, right_ref FROM identity.customer_pair")}
    chosen = Random(3)

    found = [asked(play, *chosen.sample(refs, 2)) for _ in range(15)]

    assert {each.rule.name for each in found if (each.left, each.right) not in known and not each.together} == {"block"}
    assert [each.outcome.together for each in found] == [each.together for each in found]


@pytest.mark.parametrize("of", ["customer", "contact"])
def test_records_of_one_hub_id_are_told_to_be_one_and_others_to_be_two(play, of):
    for left, right, *_ in pairs(play, of):
        found = asked(play, left, right)

        assert found.outcome.together == found.together == (found.hub_ids[0] == found.hub_ids[1])
        assert all(flip.after.together != found.together for flip in found.flips)


def source_of(play, ref, column):
    """Where a canonical column of a record is captured: table, column, id; None when its system does not hold it."""
    system, name, record_id = ref.split(":", 2)
    each = play.firm.systems[system].system.objects[name]
    if column not in each.columns():
        return None
    return f'capture."{system}__{name}"', each.columns()[column][1].source, record_id


def edited(play, ref, values):
    """What a person's edit leaves in the capture, and a cycle makes of it; returns what was there."""
    before = {}
    for column, value in values.items():
        table, source, record_id = source_of(play, ref, column)
        before[column] = play.rows(f'SELECT "{source}" FROM {table} WHERE _id = ?', record_id)[0][0]
        play.rows(f'UPDATE {table} SET "{source}" = ? WHERE _id = ?', value, record_id)
    play.rows("INSERT INTO capture.pending VALUES (?, 'update')", ref)
    play.understand()
    return before


def values_of(play, match, change):
    """The edit that a change of evidence stands for: of one record, in canonical columns; None when its system does not hold them."""
    if len(change.sets) != 1 or not change.columns:
        return None
    ref = next(iter(change.sets))
    other = match.left if ref == match.right else match.right
    if any(source_of(play, ref, column) is None or column not in ANOTHER for column in change.columns):
        return None
    theirs = play.rows(f"SELECT {', '.join(change.columns)} FROM canonical.{match.of} WHERE record_ref = ?", other)[0]
    values = {"agrees": dict(zip(change.columns, theirs)), "silent": dict.fromkeys(change.columns), "differs": ANOTHER}[change.to]
    return ref, {column: values[column] for column in change.columns}


def together(play, match):
    return len(play.rows("SELECT DISTINCT hub_id FROM journal.crossref WHERE record_ref IN (?, ?)", match.left, match.right)) == 1


@pytest.mark.parametrize(
    ("of", "which"), [("customer", "verdict = 'forbid'"), ("customer", "verdict = 'link'"), ("contact", "verdict = 'link'")]
)
def test_what_would_reverse_a_decision_reverses_it_in_the_hub_when_somebody_does_it(play, of, which):
    tried = 0
    for left, right, *_ in pairs(play, of, which, most=20):
        match = asked(play, left, right)
        edits = [edit for flip in match.flips if len(flip.changes) == 1 and (edit := values_of(play, match, flip.changes[0]))]
        for ref, values in edits[:1]:
            before = edited(play, ref, values)

            assert together(play, match) != match.together, (left, right, values)

            edited(play, ref, before)
            assert together(play, match) == match.together
            tried += 1
        if tried == 3:
            return
    assert tried


def test_two_hub_ids_are_told_by_the_pair_of_their_records_that_the_most_speaks_for(play):
    one, other = [
        hub_id for (hub_id,) in play.rows("SELECT DISTINCT hub_id FROM journal.crossref WHERE entity = 'customer' ORDER BY 1 LIMIT 2")
    ]

    found = asked(play, one, other)

    assert sorted(found.hub_ids) == [one, other]
    assert found.rule.name in ("block", "unequal_key", "light")


def test_what_is_no_pair_of_records_is_refused_in_words(play):
    customer, contact = (play.rows(f"SELECT min(record_ref) FROM canonical.{of}")[0][0] for of in ("customer", "contact"))

    with pytest.raises(Refused, match=f"no record or hub id .*; similar: .*{customer.replace(':', ' ')}"):
        asked(play, customer + "7", contact)
    with pytest.raises(Refused, match="only records of one entity can be one"):
        asked(play, customer, contact)
    with pytest.raises(Refused, match="name two different records"):
        asked(play, customer, customer.replace(":", " "))


def test_documents_are_told_by_their_number(play):
    one, other = play.rows(
        "SELECT min(record_ref), max(record_ref) FROM canonical.invoice GROUP BY number HAVING count(*) > 1 ORDER BY number LIMIT 1"
    )[0]
    third = play.rows("SELECT min(record_ref) FROM canonical.invoice WHERE record_ref NOT IN (?, ?)", one, other)[0][0]

    same, different = asked(play, one, other), asked(play, one, third)

    assert (same.rule.name, same.together, different.together) == ("number", True, False)
    assert "the number agreed, they would be one" in "\n".join(why_told.lines(different))
    assert [flip.after.together for flip in (*same.flips, *different.flips)] == [False, True]


def test_sensitive_values_are_named_and_never_shown(play):
    values = {value for (value,) in play.rows("SELECT tax_id FROM canonical.customer WHERE tax_id IS NOT NULL")}
    matches = [asked(play, left, right) for left, right, *_ in pairs(play, "customer")]

    told = "\n".join(json.dumps(why_told.as_dict(each), ensure_ascii=False) + "\n".join(why_told.lines(each)) for each in matches)

    assert "tax_id" in told
    assert [value for value in values if value in told] == []
