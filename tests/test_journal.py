"""The journal keeps every event, in one order, unchanged, on both databases."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count, groupby
from multiprocessing import get_context
from pathlib import Path

import duckdb
import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st
from postgres import postgres  # noqa: F401

from hub import journal, journal_tables, journal_values
from hub.errors import ConfigurationWrong, Refused, SystemUnavailable
from hub.journal import Event

names = count()
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "größe", "net_60"]), inner, max_size=3),
)
written = st.builds(
    Event, kind=words, subject=words, body=st.dictionaries(st.sampled_from(["x", "y"]), values), actor=words, at=st.datetimes()
)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request, tmp_path):
    """A function that names an empty journal: a file, or a schema of its own."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None

    def place() -> str:
        name = f"journal_{next(names)}"
        if not server:
            return str(tmp_path / "state" / f"{name}.sqlite")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{server}?options=-csearch_path%3D{name}"

    return place


@pytest.fixture
def place(new_place):
    return new_place()


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


def test_ten_thousand_subjects_in_one_event_are_fine(place):
    body = {f"customer:C-{number}": {"value": "x" * 70, "from": number} for number in range(10_000)}
    with journal.open(place) as log:
        [recorded] = log.append([Event("identity.issued", "run 1", body)])

        assert recorded.body == body
        assert log.verify() is None


@pytest.mark.parametrize("key", ["password", "apiKey", "API-Key", "client_secret", "accessToken", "credentials", "Secrets"])
def test_a_body_with_a_secret_is_refused_and_nothing_is_recorded(tmp_path, key):
    with journal.open(tmp_path / "journal.sqlite") as log:
        with pytest.raises(Refused, match=key):
            log.append([Event("note", "a", {}), Event("note", "b", {"request": [{key: "demo"}]})])

        assert log.head()[0] == 0


@pytest.mark.parametrize("key", ["secretary", "tokenized_at", "passport", "api_keystone"])
def test_a_key_that_only_resembles_a_secret_is_kept(tmp_path, key):
    with journal.open(tmp_path / "journal.sqlite") as log:
        assert log.append([Event("note", "a", {key: "demo"})])[0].body == {key: "demo"}


@pytest.mark.parametrize(
    "value", [float("nan"), Decimal("Infinity"), b"bytes", {1, 2}, {7: "a key that is a number"}, "half of \ud83d", "nul \0"]
)
def test_a_body_without_one_json_form_is_refused(tmp_path, value):
    with journal.open(tmp_path / "journal.sqlite") as log, pytest.raises(Refused, match=r"journal body\.x"):
        log.append([Event("note", "a", {"x": value})])


@pytest.mark.parametrize("change", ["UPDATE event SET body = '{}' WHERE seq = 1", "DELETE FROM event WHERE seq = 2"])
def test_the_database_refuses_to_change_or_delete_an_event(place, change):
    with journal.open(place) as log:
        log.append([Event("note", "a", {"x": 1}), Event("note", "b", {})])

        with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal_tables.engine(place).begin() as connection:
            connection.execute(sa.text(change))

        assert [each.subject for each in log.events()] == ["a", "b"]


def test_sqlite_refuses_a_row_put_in_the_place_of_another(tmp_path):
    with journal.open(tmp_path / "journal.sqlite") as log:
        log.append([Event("note", "a", {})])

        with (
            pytest.raises(sa.exc.IntegrityError, match="append-only"),
            journal_tables.engine(tmp_path / "journal.sqlite").begin() as connection,
        ):
            connection.execute(sa.text("INSERT OR REPLACE INTO event VALUES (1, 0, 'x', 'x', 'x', '{}', '')"))


def test_postgresql_refuses_to_empty_the_table(postgres):  # noqa: F811
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA emptied")
    place = f"{postgres}?options=-csearch_path%3Demptied"
    with journal.open(place) as log:
        log.append([Event("note", "a", {})])

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"), psycopg.connect(place) as connection:
        connection.execute("TRUNCATE event")


def test_on_postgresql_a_role_that_may_only_read_and_insert_keeps_the_journal_and_can_not_lift_its_protection(postgres):  # noqa: F811
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA guarded; CREATE ROLE hub LOGIN")
        journal.open(f"{postgres}?options=-csearch_path%3Dguarded").close()
        connection.execute("GRANT USAGE ON SCHEMA guarded TO hub; GRANT SELECT, INSERT ON guarded.event, guarded.kept TO hub")
    place = f"{postgres.replace('concord@', 'hub@')}?options=-csearch_path%3Dguarded"

    with journal.open(place) as log:
        log.append([Event("note", "a", {"message": "kept beside it"})])

        assert log.verify() is None
        with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(place) as connection:
            connection.execute("DROP TRIGGER event_keeps_rows ON event")


TAMPERING = {
    "body": "UPDATE event SET body = '{\"x\":9}' WHERE seq = 3",
    "time": "UPDATE event SET at_us = at_us + 1 WHERE seq = 3",
    "actor": "UPDATE event SET actor = 'bert' WHERE seq = 3",
    "hash": "UPDATE event SET hash = (SELECT hash FROM event WHERE seq = 2) WHERE seq = 3",
    "gap": "DELETE FROM event WHERE seq = 2",
}


@pytest.mark.parametrize("forgery", TAMPERING.values(), ids=TAMPERING)
def test_a_forger_with_the_rights_of_the_owner_is_found(place, forgery):
    with journal.open(place) as log:
        log.append([Event("approval", f"L-{number}", {"x": number}, "anna") for number in range(1, 6)])
    with journal_tables.engine(place).begin() as connection:
        for name in ("event_keeps_rows", "event_keeps_all"):
            connection.execute(sa.text(f"DROP TRIGGER {name}" + ("" if connection.dialect.name == "sqlite" else " ON event")))
        connection.exec_driver_sql(forgery)

    with journal.open(place) as log:
        assert log.verify() == 3


def append_batches(place: str, writer: int, sizes: list[int]) -> None:
    """One writer's work, in a process of its own."""
    with journal.open(place) as log:
        for number, size in enumerate(sizes):
            log.append([Event("batch", f"{writer}:{number}:{part}", {"size": size}) for part in range(size)])


def whole_batches(log: journal.Journal) -> dict[str, list[int]]:
    """Parts found of each batch, in journal order."""
    found: dict[str, list[int]] = {}
    for batch, parts in groupby((each.subject.rpartition(":") for each in log.events()), key=lambda subject: subject[0]):
        assert batch not in found, f"batch {batch} is torn apart by another"
        found[batch] = [int(part) for _, _, part in parts]
    return found


writers = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), min_size=2, max_size=6)


@few
@given(work=writers)
def test_threads_that_append_at_once_make_one_chain_with_every_event_once(new_place, work):
    with journal.open(new_place()) as log, ThreadPoolExecutor(len(work)) as pool:

        def write(writer: int) -> None:
            for number, size in enumerate(work[writer]):
                log.append([Event("batch", f"{writer}:{number}:{part}", {}) for part in range(size)])

        list(pool.map(write, range(len(work))))

        assert log.verify() is None
        assert whole_batches(log) == {
            f"{writer}:{n}": list(range(size)) for writer, sizes in enumerate(work) for n, size in enumerate(sizes)
        }


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        yield pool


@few
@given(work=writers)
def test_processes_that_open_and_append_at_once_make_one_chain_with_every_event_once(new_place, processes, work):
    place = new_place()

    for each in [processes.submit(append_batches, place, writer, sizes) for writer, sizes in enumerate(work)]:
        each.result(120)

    with journal.open(place) as log:
        assert log.verify() is None
        assert whole_batches(log) == {
            f"{writer}:{n}": list(range(size)) for writer, sizes in enumerate(work) for n, size in enumerate(sizes)
        }


KILLED = """
import sys
from itertools import count
from test_journal import append_batches
append_batches(sys.argv[1], int(sys.argv[2]), [2000] * 1000)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_batches_only(place):
    here = Path(__file__).parent
    paths = {**os.environ, "PYTHONPATH": f"{here.parent}:{here}"}
    for writer, patience in enumerate([0.0, 0.05, 0.11, 0.23]):
        before = journal_head(place)
        with subprocess.Popen([sys.executable, "-c", KILLED, place, str(writer)], env=paths) as victim:  # noqa: S603
            while journal_head(place) == before:  # until it is well in the middle of its work
                time.sleep(0.01)
            time.sleep(patience)
            victim.send_signal(signal.SIGKILL)

        with journal.open(place) as log:
            [after] = log.append([Event("batch", f"survivor {writer}:0", {})])

            assert log.verify() is None
            assert {tuple(parts) for batch, parts in whole_batches(log).items() if "survivor" not in batch} == {tuple(range(2000))}
            assert after.seq == log.head()[0] > before


def journal_head(place: str) -> int:
    with journal.open(place) as log:
        return log.head()[0]


def test_a_journal_moves_to_postgresql_and_back_with_its_chain(postgres, tmp_path):  # noqa: F811
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


LINES = [{"line_id": f"L{number}", "hub_id": f"P-{number}", "base": None, "want": f'{{"phone":"+49 {number}"}}'} for number in range(3)]


def test_a_value_that_was_erased_reads_erased_and_the_chain_is_whole(place):
    with journal.open(place) as log:
        log.append([Event("plan.sealed", "b7", {"lines": LINES}), Event("value.pinned", "crm:1", {"column": "phone", "value": "+49 2"})])
        head = log.head()
        [*_, (_, values)] = log.stored(kinds={"plan.sealed"})
        digest = next(digest for digest, (_, said) in values.items() if "+49 1" in said)

        log.erase([(1, digest)], [Event("values.erased", "P-1", {"digests": [digest], "because": "asked for"}, "dpo")])

        plan, pin, erased = log.events()
        assert plan.body["lines"] == [LINES[0], LINES[1] | {"want": "(erased)"}, LINES[2]]
        assert (pin.body["value"], erased.body["because"]) == ("+49 2", "asked for")
        assert json.loads(log.table()["body"][0].as_py()) == plan.body
        assert list(log.findings(head)) == []


@pytest.mark.parametrize("how", ["without a word", "put back"])
def test_a_value_that_is_lost_or_that_comes_back_is_found(place, how):
    with journal.open(place) as log:
        log.append([Event("note", "a", {}), Event("value.pinned", "crm:1", {"column": "phone", "value": "+49 2"})])
        [(_, _), (_, values)] = log.stored()
        [(digest, (salt, said))] = values.items()
        told = [Event("values.erased", "crm:1", {"digests": [digest]})] if how == "put back" else []
        log.erase([(2, digest)], told or [Event("note", "b", {})])
        if how == "put back":
            with journal_tables.engine(place).begin() as connection:
                row = {"seq": 2, "digest": digest, "salt": salt, "said": said}
                connection.execute(sa.insert(journal_tables.kept), row)

        [(seq, sentence)] = log.findings()

        assert (seq, log.verify()) == (2, 2)
        assert sentence.endswith("erased are there again" if how == "put back" else "are missing, and no event says that it erased them")


def test_what_was_erased_leaves_no_byte_in_a_sqlite_file(tmp_path):
    file = tmp_path / "journal.sqlite"
    with journal.open(file) as log:
        log.append([Event("value.pinned", f"crm:{number}", {"value": f"Beispielmann {number}"}) for number in range(50)])
        found = [(row["seq"], digest) for row, values in log.stored() for digest in values]

        log.erase(found, [Event("values.erased", "all", {"digests": [digest for _, digest in found]})])

        assert not [each for each in tmp_path.iterdir() if b"Beispielmann" in each.read_bytes()]


def test_the_database_refuses_to_change_a_value_that_is_kept(place):
    with journal.open(place) as log:
        log.append([Event("value.pinned", "crm:1", {"value": "+49 2"})])

        with pytest.raises(sa.exc.DBAPIError, match="kept as it was said"), journal_tables.engine(place).begin() as connection:
            connection.execute(sa.text("UPDATE kept SET said = '{}'"))


def test_a_body_may_not_use_the_mark_of_kept_values(tmp_path):
    with journal.open(tmp_path / "journal.sqlite") as log, pytest.raises(Refused, match="'~' stands for values"):
        log.append([Event("note", "a", {"lines": [{"~": ["x"]}]})])


def test_a_journal_of_an_earlier_version_is_written_anew_with_its_values_where_they_can_be_erased(new_place, monkeypatch):
    with journal.open(new_place()) as old, journal.open(new_place()) as new:
        with monkeypatch.context() as earlier:
            earlier.setattr(journal_values, "put_away", lambda plain, *_: plain)
            old.append(
                [Event("value.pinned", f"crm:{number}", {"value": str(number)}, "anna", datetime(2026, 1, 2)) for number in range(700)]
            )
        assert not any(values for _, values in old.stored())

        head = journal.reseal(old, new)

        strip = lambda events: [(each.seq, each.at, each.actor, each.kind, each.subject, each.body) for each in events]
        [*events, last] = new.events()
        assert strip(events) == strip(old.events())
        assert (last.kind, last.body) == ("journal.resealed", {"events": 700, "head": old.head()[1]})
        assert all(values for row, values in new.stored() if row["seq"] <= 700)
        assert (new.verify(), head) == (None, new.head())
        with pytest.raises(Refused, match="already holds events"):
            journal.reseal(old, new)
