"""Why a write is planned, held or not there, and what would change it: told as the plan has it, and true when it is done."""

import json

import pytest
from played import Play

from assets import correct, sqlmesh_models
from hub import rules, store
from hub.errors import Refused
from reconcile import plan, why_write, why_write_flip, why_write_told
from reconcile.why_remade import Remade


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("firm"))
    play.observe()
    play.understand()
    correct.make_plan(play.firm, play.journal)
    yield play
    play.close()


@pytest.fixture(scope="module")
def queries(play):
    return {model.name: model.touched for model in sqlmesh_models.compiled(play.firm)}


@pytest.fixture
def explained(play, queries):
    """What is told of a write, and what would change it."""
    the_rules = rules.of(str(play.firm.folder.resolve()))

    def explain(*words):
        with store.writing(play.firm.hub_file) as connection:
            write = why_write.asked(connection, words, the_rules)
            return write, why_write_flip.turns(connection, write, queries, the_rules)

    return explain


def line(play, which, *values):
    """The first line of the plan of which this is true: id, record, field, hub id, discrepancy."""
    found = "line_id, system || ':' || object || ':' || record_id, field, hub_id, discrepancy_id"
    return play.rows(f"SELECT {found} FROM work.plan_line WHERE {which} ORDER BY line_id LIMIT 1", *values)[0]


def status(play, record, field):
    with store.writing(play.firm.hub_file) as connection:
        found = [
            each
            for each in plan.read(connection).lines
            if record == f"{each.system}:{each.object}:{each.record_id}" and each.field == field
        ]
    return found[0].status if found else "none"


def turn(turns, what):
    return next(each for each in turns if each.changes["what"] == what)


def test_models_made_again_with_nothing_changed_give_the_lines_of_the_plan(play, queries):
    names = "line_id, status, hold, base, want, why, approved_by, policy"
    for of, hub_id in play.rows("SELECT DISTINCT entity, hub_id FROM work.plan_line ORDER BY ALL LIMIT 25"):
        with store.writing(play.firm.hub_file) as connection:
            remade = Remade(connection, queries, of, hub_id)
            remade.make()

            again = [tuple(each[name] for name in names.split(", ")) for each in remade.lines()]

        assert sorted(again) == play.rows(f"SELECT {names} FROM work.plan_line WHERE hub_id = ? ORDER BY line_id", hub_id)


@pytest.mark.parametrize("state", ["needs_consent", "approved", "held"])
def test_each_line_is_told_with_its_state_and_the_rule_behind_it(play, explained, state):
    key, *_ = line(play, "status = ?", state)

    write, turns = explained(key[:10])

    assert write.status == state
    assert write.rule.name in {"needs_consent": ["no_consent"], "approved": ["consent"], "held": ["reference"]}[state]
    assert {link.kind for link in write.because} == {"plan_line", "consent", "golden"}
    assert all(each.is_checked for each in turns)


def test_a_write_is_found_by_its_record_and_field_as_by_its_line(play, explained):
    key, record, field, *_ = line(play, "field = 'legal_name'")

    by_line, by_field = explained(key), explained(*record.split(":", 2), field)

    assert by_line == by_field
    assert [link.kind for link in by_line[0].because] == ["plan_line", "consent", "golden"]


def test_consent_that_would_send_a_line_sends_it(play, explained):
    key, record, field, *_ = line(play, "status = 'needs_consent' AND field = 'payment_terms'")
    write, turns = explained(key)

    with store.writing(play.firm.hub_file) as connection:
        made = plan.read(connection)
    plan.approve(play.journal, made, made.hash, "controller", [key])
    correct.make_plan(play.firm, play.journal)

    assert (write.status, turn(turns, "consent").status, status(play, record, field)) == ("needs_consent", "approved", "approved")
    assert turn(explained(key)[1], "withdrawal").status == "needs_consent"


def test_a_waiver_that_would_end_a_line_ends_it_and_is_told_then(play, explained):
    key, record, field, _, discrepancy = line(play, "status = 'needs_consent' AND field = 'legal_name'")
    before = turn(explained(key)[1], "waiver").status
    play.note("discrepancy.waived", discrepancy, {"reason": "they asked for it"})
    correct.make_plan(play.firm, play.journal)

    write, turns = explained(record, field)

    assert (before, status(play, record, field)) == ("none", "none")
    assert (write.status, write.rule.says) == ("waived", "waived by steward: they asked for it")
    assert turn(turns, "waiver").status == "needs_consent"


@pytest.mark.parametrize(("what", "field"), [("agrees", "phone"), ("silent", "phone"), ("silent", "amount"), ("agrees", "tax_id")])
def test_another_value_in_a_source_changes_the_plan_as_was_told(play, explained, what, field):
    key, record, *_ = line(play, "field = ? AND status <> 'held'", field)
    write, turns = explained(key)
    told = turn(turns, what)

    ref = told.changes["record_ref"]
    system, name, record_id = ref.split(":", 2)
    wanted = dict.fromkeys(told.changes["columns"]) if what == "silent" else json.loads(write.subject.line["want"])
    columns = play.firm.systems[system].system.objects[name].columns()
    for column, value in wanted.items():
        if columns[column][1].source:
            play.rows(f'UPDATE capture."{system}__{name}" SET "{columns[column][1].source}" = ? WHERE _id = ?', value, record_id)
    play.rows("INSERT INTO capture.pending VALUES (?, 'update')", ref)
    play.understand()
    correct.make_plan(play.firm, play.journal)

    assert status(play, record, field) == told.status


@pytest.mark.parametrize(
    ("system", "field", "rule"),
    [
        ("netsuite", "legal_name", "owner"),
        ("netsuite", "industry", "owner"),
        ("salesforce", "industry", "not_mirrored"),
        ("salesforce", "tax_id", "agrees"),
    ],
)
def test_where_nothing_is_planned_the_rule_is_told(play, explained, system, field, rule):
    record = play.rows(
        f"""SELECT c.record_ref FROM canonical.customer AS c WHERE c.system = ? AND c.is_live AND ({field} IS NOT NULL OR ? <> 'agrees') AND NOT EXISTS (
      SELECT 1 FROM outbound.delta AS d WHERE d.record_id = c.record_id AND d.system = c.system AND d.field = ?)
      AND c.record_ref IN (SELECT x.record_ref FROM identity.customer AS x JOIN golden.customer AS g ON g.hub_id = x.hub_id WHERE g.life_cycle = 'customer') ORDER BY 1 LIMIT 1""",
        system,
        rule,
        field,
    )[0][0]

    write, turns = explained(record, field)

    assert (write.status, write.rule.name) == ("none", rule)
    if rule == "agrees":
        assert turn(turns, "silent").status in ("needs_consent", "approved")
    else:
        assert [each.is_checked for each in turns] == [False]


def test_what_is_unknown_is_refused_with_what_is_similar(play, explained):
    record = play.rows("SELECT record_ref FROM canonical.customer WHERE system = 'netsuite' ORDER BY 1 LIMIT 1")[0][0]

    with pytest.raises(Refused, match="no line of the plan begins with 'ffffffffff'; see `hub plan`"):
        explained("ffffffffff")
    with pytest.raises(Refused, match="customer has no field 'legal_nam'; similar: legal_name"):
        explained(record, "legal_nam")
    with pytest.raises(Refused, match="similar: .*netsuite customer"):
        explained(record + "9", "phone")


def test_sensitive_values_are_never_shown(play, explained):
    values = {value for (value,) in play.rows("SELECT tax_id FROM canonical.customer WHERE tax_id IS NOT NULL")}
    lines = [key for (key,) in play.rows("SELECT line_id FROM work.plan_line WHERE field = 'tax_id' OR action = 'create' ORDER BY 1")]

    told = "\n".join(
        json.dumps(why_write_told.as_dict(*explained(key)), default=str) + "\n".join(why_write_told.lines(*explained(key))) for key in lines
    )

    assert "(hidden: sensitive)" in told
    assert [value for value in values if value in told] == []
