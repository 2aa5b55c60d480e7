"""The journal's tables follow from its events, whether these come one by one or all at once."""

from contextlib import suppress

from hypothesis import given, settings, strategies as st

from hub import capture, journal, projection, store
from hub.errors import Refused
from hub.journal import Event

RECORD = {"system": "crm", "object": "Account", "entity": "customer", "hub_id": "C-1", "record_id": None, "action": "create"}


def sealed(line_id, why="", gone=()):
    line = RECORD | {"line_id": line_id, "field": None, "base": None, "want": "{}", "why": why, "hold": None}
    return Event("plan.sealed", "plan", {"lines": [line], "gone": list(gone)})


def intended(push_id, line_id):
    fields = {"create": {"base": None, "want": "{}", "why": ""}}
    return Event("push.intended", push_id, RECORD | {"push_id": push_id, "lines": [line_id], "fields": fields})


IDS = st.sampled_from(["a", "b"])
STATES = st.sampled_from(["not_sent", "in_doubt", "acknowledged", "unconfirmed", "confirmed"])
EVENTS = st.one_of(
    st.builds(
        lambda record, hub_id: Event("hub_ids.assigned", "customer", {"entity": "customer", "assigned": [[record, hub_id]]}), IDS, IDS
    ),
    st.builds(
        lambda record, own: Event("hub_ids.lent", "customer", {"entity": "customer", "own": [[record, own]]}),
        IDS,
        st.sampled_from([None, "C-1"]),
    ),
    st.builds(
        lambda verdict, decision, takes_back: Event(
            "match.decided",
            "customer",
            {"entity": "customer", "left_ref": "a", "right_ref": "b", "verdict": verdict, "decision": decision, "takes_back": takes_back},
        ),
        st.sampled_from(["same", "different", "parent_of", "undone"]),
        st.sampled_from([None, "D-a", "D-b"]),
        st.sampled_from([None, "D-a", "D-b"]),
    ),
    st.builds(
        lambda record, value, decision, takes_back: Event(
            "value.pinned",
            record,
            {"record_ref": record, "column": "phone", "value": value, "decision": decision, "takes_back": takes_back},
        ),
        IDS,
        st.sampled_from([None, "1", "2"]),
        st.sampled_from([None, "D-a", "D-b"]),
        st.sampled_from([None, "D-a", "D-b"]),
    ),
    st.builds(lambda key, reason: Event("discrepancy.waived", key, {"reason": reason}), IDS, st.sampled_from([None, "known"])),
    st.builds(lambda kind, key: Event(kind, "discrepancy", {"ids": [key]}), st.sampled_from(["cases.opened", "cases.closed"]), IDS),
    st.builds(lambda came, why, left: sealed(came, why, sorted(left - {came})), IDS, IDS, st.sets(IDS)),
    st.builds(lambda kind, key: Event(kind, "plan", {"lines": [key]}, "Ann"), st.sampled_from(["plan.approved", "plan.withdrawn"]), IDS),
    st.builds(intended, IDS, IDS),
    st.builds(lambda key, worker: Event("push.leased", "crm", {"lines": [key], "until": "2026-11-21T09:00:00Z"}, worker), IDS, IDS),
    st.builds(lambda key, worker: Event("push.released", "crm", {"lines": [key]}, worker), IDS, IDS),
    st.builds(
        lambda key, state, record: Event("push.outcome", key, {"state": state, "record_id": record, "message": state}),
        IDS,
        STATES,
        st.sampled_from([None, "7"]),
    ),
    st.builds(
        lambda key, message: Event(
            "exception.opened", f"refused:{key}", {"kind": "refused", "about": key, "message": message, "owner": "crm"}
        ),
        IDS,
        IDS,
    ),
    st.builds(lambda key: Event("exception.closed", f"refused:{key}", {}), IDS),
    st.builds(lambda key: Event("replay.requested", key, {"about": key}), IDS),
    st.builds(lambda key: Event("replay.withdrawn", key, {"about": key}), IDS),
)
TABLES = (
    "event",
    "crossref",
    "former",
    "issued",
    "own",
    "decision",
    "pin",
    "waiver",
    "open_case",
    "approval",
    "sealed",
    "left_plan",
    "push",
    "exception",
    "closing",
    "replay",
)


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, max_size=12))
def test_events_that_come_one_by_one_or_all_at_once_give_equal_tables(tmp_path_factory, events):
    with journal.open(tmp_path_factory.mktemp("journal") / "journal.sqlite") as kept:
        one_by_one = hub()
        for event in [sealed("a"), sealed("b"), Event("plan.approved", "plan", {"lines": ["a", "b"]}, "Ann"), *events]:
            with suppress(Refused):  # a push that nobody consented to is not recorded
                kept.append([event])
            projection.load(one_by_one, kept)

        at_once = hub()
        projection.load(at_once, kept)

    assert tables(at_once) == tables(one_by_one)


def test_a_hub_made_when_ties_had_no_numbers_gets_them_when_it_is_opened(tmp_path):
    connection = hub()
    with journal.open(tmp_path / "journal.sqlite") as kept:
        kept.append([
            Event("hub_ids.assigned", "customer", {"entity": "customer", "assigned": [["a", "C-000007"], ["b", "C-L-000009"]]}),
            Event("hub_ids.lent", "customer", {"entity": "customer", "own": [["b", "C-000008"]]}),
        ])  # fmt: skip
        projection.load(connection, kept)
    as_made_now = tables(connection)
    for table in ("crossref", "former"):
        for column in ("number", "hub_number"):
            connection.execute(f"ALTER TABLE journal.{table} DROP COLUMN {column}")
    connection.execute("DROP TABLE journal.issued; DROP TABLE journal.numbered")

    projection.prepare(connection)

    assert tables(connection) == as_made_now
    assert connection.execute("FROM journal.issued ORDER BY ALL").fetchall() == [("customer", "C", 8), ("customer", "C-L", 9)]
    assert connection.execute("SELECT count(number) + count(hub_number) FROM journal.former").fetchone() == (4,)


def test_a_push_that_is_sent_again_is_in_doubt_until_its_own_answer_comes(tmp_path):
    intent, consent = intended("P-1", "1"), Event("plan.approved", "plan", {"lines": ["1"]}, "Ann")
    with journal.open(tmp_path / "journal.sqlite") as kept:
        for events in ([sealed("1")], [consent], [intent, Event("push.outcome", "P-1", {"state": "not_sent"})], [intent]):
            kept.append(events)

        connection = hub()
        projection.load(connection, kept)

    assert connection.execute("SELECT state FROM journal.push ORDER BY seq").fetchall() == [("not_sent",), ("intended",)]


def test_to_take_back_a_word_leaves_what_was_said_before_it(tmp_path):
    pair = {"entity": "customer", "left_ref": "a", "right_ref": "b"}
    with journal.open(tmp_path / "journal.sqlite") as kept:
        kept.append([
            Event("match.decided", "a b", pair | {"verdict": "same", "decision": "D-1"}, "Ann"),
            Event("match.decided", "a b", pair | {"verdict": "different", "decision": "D-2"}, "Bob"),
            Event("match.decided", "a b", pair | {"verdict": "undone", "takes_back": "D-2"}, "Bob"),
        ])  # fmt: skip

        connection = hub()
        projection.load(connection, kept)

    assert connection.execute("SELECT verdict, actor, decision FROM journal.decision").fetchall() == [("same", "Ann", "D-1")]


def hub():
    connection = store.connect()
    capture.prepare(connection)
    projection.prepare(connection)
    return connection


def tables(connection):
    return {name: sorted(map(repr, connection.execute(f"SELECT * FROM journal.{name}").fetchall())) for name in TABLES}
