"""Values that can be erased stand beside the chain: erased, they read so, and the chain stays whole."""

# ruff: noqa: F811  a fixture, and the argument that asks for it, have one name
import json
from datetime import datetime

import pytest
import sqlalchemy as sa
from journals import new_place, place, postgres  # noqa: F401
from unguarded import unguarded

from hub import journal, journal_search, journal_tables, journal_values, store
from hub.errors import Refused
from hub.journal import Event

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


def test_of_pushes_that_share_a_row_the_values_of_one_person_are_erased_and_the_others_stay(place):
    intent = lambda number: Event("push.intended", f"P-{number}", {"hub_id": f"C-{number}", "payload": f"phone {number}"})
    outcome = lambda number: Event("push.outcome", f"P-{number}", {"state": "rejected", "message": f"no phone {number}"})
    with journal.open(place) as log, store.connect() as connection:
        with unguarded():
            log.append([intent(1), intent(2), outcome(1), outcome(2)])
        found = journal_search.of_person(connection, log, {"C-1"}, ())

        log.erase(found.values, [Event("values.erased", "C-1", {"digests": [digest for _, digest in found.values]}, "dpo")])

        said = [each.body.get("payload", each.body.get("message")) for each in log.events(kinds={"push.intended", "push.outcome"})]
        assert said == ["(erased)", "phone 2", "(erased)", "no phone 2"]
        assert log.verify() is None


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
