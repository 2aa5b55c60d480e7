"""Our connector against a real Redmine 5.0, read back through an independent client, python-redmine."""

from decimal import Decimal

import pytest
import seed
from cutting import cutting

from hub import mapping
from hub.errors import SystemUnavailable
from hub.systems.connector import Connection, Write
from hub.systems.redmine import connector as redmine_connector, rest

pytestmark = pytest.mark.live
SYSTEM = mapping.read(mapping.FOLDER / "redmine/system.yaml")
PROJECT, USER, TIME_ENTRY = (SYSTEM.objects[name] for name in ("projects", "users", "time_entries"))
MISSING = {"code": "P-2012", "name": "Steelwork estimating"}


@pytest.fixture
def psa(redmine):
    connected = redmine_connector.connect(SYSTEM, Connection(redmine.url, redmine.secrets))
    yield connected
    connected.close()


def read(psa, each) -> list[dict]:
    pages = list(psa.read(each, None))
    assert pages[-1].last
    return [row for page in pages for row in page.rows]


def create(values, hub_id="P-0099") -> Write:
    return Write("w", "create", None, hub_id, mapping.outward(PROJECT, values))


def update(psa, each, record_id, values) -> Write:
    """A write with the version that the record has now."""
    return Write("w", "update", record_id, "P-0001", mapping.outward(each, values), psa.look(each, [record_id])[record_id].version)


def project(psa, code: str) -> str:
    return next(str(row["id"]) for row in read(psa, PROJECT) if row["custom_fields"]["Project Number"] == code)


def test_a_full_read_gives_every_record_that_the_seed_put_there_in_pages(psa, monkeypatch):
    monkeypatch.setattr(rest, "LIMIT", 7)

    projects, users, entries = (read(psa, each) for each in (PROJECT, USER, TIME_ENTRY))

    assert sorted(row["custom_fields"]["Project Number"] for row in projects) == [each.code for each in seed.PROJECTS[:-1]]
    # The administrator is a user too, and has no number.
    assert sorted(row["custom_fields"]["Employee Number"] or "" for row in users) == ["", *(each.number for each in seed.WORKERS)]
    assert {row["id"]: Decimal(str(row["hours"])) for row in entries} == {each.number: each.hours for each in seed.TIME_ENTRIES}


def test_a_list_that_moves_between_two_pages_has_no_last_page(psa, redmine, monkeypatch):
    monkeypatch.setattr(rest, "LIMIT", 7)
    pages = psa.read(TIME_ENTRY, None)
    first = next(pages)
    redmine.client.time_entry.delete(first.rows[0]["id"])

    rest_of_them = list(pages)

    assert not any(page.last for page in rest_of_them)


def test_a_wrong_key_is_no_short_read_although_redmine_answers_it_with_the_public_projects(redmine):
    redmine.client.project.create(name="Open house", identifier="open-house", is_public=True)
    psa = redmine_connector.connect(SYSTEM, Connection(redmine.url, {"api_key": "wrong-key"}))

    assert psa.http.read("GET", "projects.json").json()["total_count"] == 1
    with pytest.raises(SystemUnavailable, match="users/current answered 401"):
        list(psa.read(PROJECT, None))
    assert {seen.state for seen in psa.look(PROJECT, ["1"]).values()} == {"unknown"}


def test_the_key_of_someone_who_may_not_see_all_is_no_short_read(redmine):
    redmine.client.user.create(login="guest", firstname="Guest", lastname="User", mail="guest@firm.example", password="demo-password")  # noqa: S106
    key = next(each for each in redmine.client.user.all() if each.login == "guest").id
    psa = redmine_connector.connect(SYSTEM, Connection(redmine.url, {"api_key": redmine.client.user.get(key).api_key}))

    with pytest.raises(SystemUnavailable, match="no administrator's"):
        list(psa.read(PROJECT, None))


def test_closed_projects_and_locked_users_are_read_as_such(psa, redmine):
    redmine.client.project.close(int(project(psa, "P-2003")))
    worker = next(row for row in read(psa, USER) if row["custom_fields"]["Employee Number"] == "E-03")
    redmine.client.user.update(worker["id"], status=3)

    projects = {row["custom_fields"]["Project Number"]: row["status"] for row in read(psa, PROJECT)}
    users = {row["custom_fields"]["Employee Number"]: row["status"] for row in read(psa, USER)}

    assert {code for code, status in projects.items() if status != 1} == {"P-2003"}
    assert {number: status for number, status in users.items() if status != 1} == {"E-03": 3}


def test_a_user_s_own_key_never_leaves_the_connector(psa):
    seen = psa.look(USER, [str(row["id"]) for row in read(psa, USER)])

    assert all("api_key" not in each.row for each in seen.values())


def test_a_missing_project_is_created_and_found_by_its_hub_id(psa, redmine):
    (outcome,) = psa.write(PROJECT, [create(MISSING)])

    assert outcome.state == "acknowledged"
    made = redmine.client.project.get(int(outcome.record_id))
    assert (made.name, made.identifier, {each.name: each.value for each in made.custom_fields}) == (
        "Steelwork estimating",
        "p-2012",
        {"Concord Id": "P-0099", "Project Number": "P-2012"},
    )
    assert psa.find(PROJECT, ["P-0099", "P-0100"]) == {"P-0099": [outcome.record_id]}


def test_the_second_of_two_creates_is_refused_by_redmine(psa):
    psa.write(PROJECT, [create(MISSING)])

    (outcome,) = psa.write(PROJECT, [create(MISSING)])

    assert (outcome.state, outcome.message) == ("rejected", "422 Identifier has already been taken")


def test_a_project_without_a_number_gets_its_identifier_from_the_hub_id(psa, redmine):
    (outcome,) = psa.write(PROJECT, [create({"name": "Unnumbered"}, hub_id="4711")])

    assert redmine.client.project.get(int(outcome.record_id)).identifier == "project-4711"


def test_an_update_sets_what_it_names_and_leaves_the_rest(psa, redmine):
    record_id = project(psa, "P-2001")

    (outcome,) = psa.write(PROJECT, [update(psa, PROJECT, record_id, {"name": "Merger readiness II", "code": "P-2001a"})])

    assert outcome.state == "acknowledged"
    kept = redmine.client.project.get(int(record_id))
    assert (kept.name, kept.identifier, {each.name: each.value for each in kept.custom_fields}) == (
        "Merger readiness II",
        "p-2001",
        {"Concord Id": None, "Project Number": "P-2001a"},
    )


def test_a_project_that_was_there_before_us_takes_a_hub_id_and_later_another_one(psa):
    record_id = project(psa, "P-2001")

    for hub_id in ("P-0001", "P-0002"):
        version = psa.look(PROJECT, [record_id])[record_id].version
        (outcome,) = psa.write(PROJECT, [Write("w", "update", record_id, hub_id, {"custom_fields": {"Concord Id": hub_id}}, version)])
        assert outcome.state == "acknowledged"

    assert psa.find(PROJECT, ["P-0001", "P-0002"]) == {"P-0002": [record_id]}


def test_a_person_who_edits_between_look_and_write_keeps_the_edit(psa, redmine):
    record_id = project(psa, "P-2001")
    correction = update(psa, PROJECT, record_id, {"name": "Ours"})
    redmine.client.project.update(int(record_id), name="Theirs")

    (outcome,) = psa.write(PROJECT, [correction])

    assert (outcome.state, redmine.client.project.get(int(record_id)).name) == ("moved", "Theirs")


def test_a_project_that_a_person_closes_has_moved_although_redmine_leaves_its_stamp(psa, redmine):
    record_id = project(psa, "P-2001")
    correction = update(psa, PROJECT, record_id, {"name": "Ours"})
    redmine.client.project.close(int(record_id))

    (outcome,) = psa.write(PROJECT, [correction])

    assert outcome.state == "moved"


def test_hours_are_corrected(psa, redmine):
    (outcome,) = psa.write(TIME_ENTRY, [update(psa, TIME_ENTRY, "13", {"hours": Decimal("6.25"), "note": "Corrected"})])

    assert outcome.state == "acknowledged"
    entry = redmine.client.time_entry.get(13)
    assert (entry.hours, entry.comments, entry.project.id) == (6.25, "Corrected", int(project(psa, "P-2002")))


def test_an_entry_moves_to_another_project_and_worker_by_their_numbers(psa, redmine):
    target, worker = project(psa, "P-2001"), next(row for row in read(psa, USER) if row["custom_fields"]["Employee Number"] == "E-01")

    (outcome,) = psa.write(TIME_ENTRY, [update(psa, TIME_ENTRY, "13", {"project_ref": target, "worker_ref": str(worker["id"])})])

    assert outcome.state == "acknowledged"
    entry = redmine.client.time_entry.get(13)
    assert (entry.project.id, entry.user.id) == (int(target), worker["id"])


def test_a_create_whose_answer_is_lost_is_in_doubt_and_then_found_exactly_once(redmine):
    with cutting(redmine.url) as proxy:
        psa = redmine_connector.connect(SYSTEM, Connection(proxy.url, redmine.secrets))
        proxy.lose_answer(b"POST /projects.json")

        (outcome,) = psa.write(PROJECT, [create(MISSING)])
        found = psa.find(PROJECT, ["P-0099"])
        psa.close()

    assert outcome.state == "in_doubt"
    assert found == {"P-0099": [str(each.id) for each in redmine.client.project.all() if each.name == "Steelwork estimating"]}
    assert len(found["P-0099"]) == 1


def test_a_write_that_never_left_is_rejected(redmine):
    psa = redmine_connector.connect(SYSTEM, Connection("http://127.0.0.1:9/", redmine.secrets))

    (outcome,) = psa.write(TIME_ENTRY, [Write("w", "update", "13", "T-1", {"hours": 1.0})])

    assert (outcome.state, outcome.message[:9]) == ("rejected", "not sent:")


def test_looking_tells_deleted_records_from_archived_ones(psa, redmine):
    living, archived, deleted = (project(psa, code) for code in ("P-2001", "P-2002", "P-2003"))
    redmine.client.project.archive(int(archived))
    redmine.client.project.delete(int(deleted))

    seen = psa.look(PROJECT, [living, archived, deleted, "9999"])

    assert {key: each.state for key, each in seen.items()} == {living: "there", archived: "unknown", deleted: "deleted", "9999": "deleted"}


def test_users_are_never_written(psa):
    outcomes = psa.write(USER, [Write("w", "create", None, "W-1", {"login": "new"}), Write("v", "update", "1", "W-2", {"login": "old"})])

    assert [(each.state, each.message) for each in outcomes] == [
        ("rejected", "the hub does not create users in Redmine"),
        ("rejected", "the hub does not update users in Redmine"),
    ]
