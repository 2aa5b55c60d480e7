"""What the journal does not take, and what its database refuses to change; and a forger who lifts that is found."""

# ruff: noqa: F811  a fixture, and the argument that asks for it, have one name
from decimal import Decimal

import psycopg
import pytest
import sqlalchemy as sa
from journals import new_place, place, postgres  # noqa: F401

from hub import journal, journal_tables
from hub.errors import Refused
from hub.journal import Event


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


def test_postgresql_refuses_to_empty_the_table(postgres):
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA emptied")
    place = f"{postgres}?options=-csearch_path%3Demptied"
    with journal.open(place) as log:
        log.append([Event("note", "a", {})])

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"), psycopg.connect(place) as connection:
        connection.execute("TRUNCATE event")


def test_on_postgresql_a_role_that_may_only_read_and_insert_keeps_the_journal_and_can_not_lift_its_protection(postgres):
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
