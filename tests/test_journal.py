"""The journal keeps every event, in one order, unchanged, on both databases."""

# ruff: noqa: F811  a fixture, and the argument that asks for it, have one name
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import psycopg
import pytest
from hypothesis import given, strategies as st
from journals import few, new_place, place, postgres  # noqa: F401

from hub import journal
from hub.door import GUARDED
from hub.errors import ConfigurationWrong, Refused, SystemUnavailable
from hub.journal import Event
from hub.journal_event import TOGETHER

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "größe", "net_60"]), inner, max_size=3),
)
# Hypothesis also tries texts that it finds in our code: of these kinds the door refuses what is made up, and batches share a row.
kinds = words.filter(lambda kind: kind not in {*GUARDED, *TOGETHER})
written = st.builds(
    Event, kind=kinds, subject=words, body=st.dictionaries(st.sampled_from(["x", "y"]), values), actor=words, at=st.datetimes()
)


@few
@given(batches=st.lists(st.lists(written, max_size=4), max_size=4))
def test_events_read_back_as_they_were_recorded(new_place, batches):
    with journal.open(new_place()) as log:
        recorded = [each for batch in batches for each in log.append(batch)]

        assert list(log.events()) == recorded
        assert [each.seq for each in recorded] == list(range(1, len(recorded) + 1))
        assert log.head() == ((recorded[-1].seq, recorded[-1].hash) if recorded else (0, "0" * 64))
        assert log.verify() is None


def test_an_event_is_at_this_moment_in_utc_unless_it_says_otherwise(place):
    berlin = timezone(timedelta(hours=1))
    with journal.open(place) as log:
        now, then, naive = log.append(
            [
                Event("a", "s", {}),
                Event("a", "s", {}, at=datetime(2026, 11, 21, 10, 0, tzinfo=berlin)),
                Event("a", "s", {}, at=datetime(2026, 1, 2)),
            ]
        )

    assert abs(now.at - datetime.now(UTC)) < timedelta(seconds=30)
    assert then.at == datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    assert naive.at == datetime(2026, 1, 2, tzinfo=UTC)


def test_amounts_and_dates_are_kept_as_text(place):
    body = {"amount": Decimal("1E+3"), "due_on": date(2026, 12, 1), "seen_at": datetime(2026, 12, 1, 9, 30), "lines": (Decimal("10.50"), 2)}

    with journal.open(place) as log:
        [recorded] = log.append([Event("pin", "C-0042", body)])

    assert recorded.body == {"amount": "1000", "due_on": "2026-12-01", "seen_at": "2026-12-01T09:30:00Z", "lines": ["10.50", 2]}


def test_readers_follow_from_where_they_were_and_by_kind(place):
    with journal.open(place) as log:
        log.append([Event(kind, str(number), {}) for number, kind in enumerate(["pin", "approval", "pin"], 1)])

        assert [each.subject for each in log.events(after=1)] == ["2", "3"]
        assert [each.subject for each in log.events(kinds={"pin"})] == ["1", "3"]
        assert list(log.events(kinds=[])) == []
        assert list(log.events(after=3)) == []


def test_the_table_is_ready_for_duckdb(place):
    at = datetime(2026, 11, 21, 9, 0, 0, 123456)
    with journal.open(place) as log:
        log.append([Event("pin", f"C-{number}", {"größe": number}, "anna", at) for number in range(1200)])
        recorded = log.table(after=700)  # noqa: F841, DuckDB reads it by its name

    found = duckdb.sql("""
        SELECT count(*), min(seq), max("at"), any_value(actor), max((body ->> '$.größe')::INT), count(DISTINCT hash) FROM recorded
    """).fetchone()
    kinds = dict(duckdb.sql("SELECT column_name, column_type FROM (DESCRIBE recorded)").fetchall())
    assert found == (500, 701, at, "anna", 1199, 500)
    assert kinds == {"seq": "BIGINT", "at": "TIMESTAMP"} | dict.fromkeys(["actor", "kind", "subject", "body", "hash"], "VARCHAR")


def test_an_empty_journal_has_an_empty_table_of_the_same_columns(place):
    with journal.open(place) as log:
        assert log.append([]) == []
        assert (log.table().num_rows, log.table().schema) == (0, journal.SCHEMA)


def test_a_batch_of_pushes_is_one_row_of_the_chain_and_is_read_back_as_its_events(place, tmp_path):
    outcome = lambda number: Event("push.outcome", f"P-{number}", {"state": "rejected", "message": f"no {number}"})
    with journal.open(place) as log, journal.open(tmp_path / "anew.sqlite") as anew:
        told = log.append([*map(outcome, range(1200)), Event("note", "between", {}), outcome(7)])

        journal.reseal(log, anew)
        assert list(log.events()) == told
        assert [row["seq"] for row, _ in log.stored()] == [1, 2, 3, 4]
        assert [(each.seq, each.subject, each.body) for each in anew.events()][:-1] == [
            (each.seq, each.subject, each.body) for each in told
        ]
        assert log.verify() is None


def test_ten_thousand_subjects_in_one_event_are_fine(place):
    body = {f"customer:C-{number}": {"value": "x" * 70, "from": number} for number in range(10_000)}
    with journal.open(place) as log:
        [recorded] = log.append([Event("identity.issued", "run 1", body)])

        assert recorded.body == body
        assert log.verify() is None


def test_a_journal_moves_to_postgresql_and_back_with_its_chain(postgres, tmp_path):
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA moved")
    with journal.open(tmp_path / "journal.sqlite") as old, journal.open(f"{postgres}?options=-csearch_path%3Dmoved") as new:
        old.append([Event("note", f"größe {number}", {"x": number}) for number in range(1500)])

        head = journal.copy(old, new)

        assert head == old.head() == new.head()
        assert list(new.events()) == list(old.events())
        with journal.open(tmp_path / "back.sqlite") as back:
            assert journal.copy(new, back) == head
            assert back.append([Event("note", "goes on", {})])[0].seq == 1501
            assert back.verify() is None


def test_a_journal_is_copied_only_whole_and_only_into_an_empty_one(tmp_path):
    with journal.open(tmp_path / "one.sqlite") as one, journal.open(tmp_path / "two.sqlite") as two:
        one.append([Event("note", "a", {})])
        two.append([Event("note", "b", {})])

        with pytest.raises(Refused, match="already holds events"):
            journal.copy(one, two)


def test_a_journal_that_can_not_be_reached_says_where_without_its_password(tmp_path):
    with pytest.raises(SystemUnavailable, match=r"postgresql://anna:\*\*\*@127.0.0.1:1/x"):
        journal.open("postgresql://anna:demo@127.0.0.1:1/x")
    with pytest.raises(ConfigurationWrong, match="sqlite:///"):
        journal.open("mysql://127.0.0.1/x")


def test_the_hash_can_be_checked_by_anybody_with_the_manual(tmp_path):
    from hashlib import sha256

    with journal.open(tmp_path / "journal.sqlite") as log:
        [event] = log.append([Event("pin", "C-1", {"b": 1, "a": "é"}, "anna", datetime(1970, 1, 1, 0, 0, 1))])

    by_hand = "0" * 64 + json.dumps([1, 1_000_000, "anna", "pin", "C-1", '{"a":"é","b":1}'], separators=(",", ":"), ensure_ascii=False)
    assert event.hash == sha256(by_hand.encode()).hexdigest()
