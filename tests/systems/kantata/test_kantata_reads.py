"""What our connector reads of a Kantata account, over HTTP."""

from kantata_account import GROUPS, PROJECT, PROJECTS, SYSTEM, TIME, USERS, log_time, update

from hub import nested


def test_a_full_read_brings_every_page_and_only_the_last_one_ends_it(account):
    keys = log_time(account, 450)

    pages = list(account.connector.read(TIME, None))

    assert [len(page.rows) for page in pages] == [200, 200, 50, 0]
    assert [page.last for page in pages] == [False, False, False, True]
    assert {row["id"] for page in pages for row in page.rows} == set(keys)


def test_a_project_shows_its_custom_fields_by_name_and_our_id_beside_them(account):
    key = account.tables["workspaces"].create(PROJECT)
    account.write(PROJECTS, update(key))

    (row,), complete, _ = account.read(PROJECTS)

    assert complete
    assert {path: nested.get(row, path) for path in PROJECTS.source_fields()} == {
        "id": "1001",
        "external_reference/service_model_ref": "J-1",
        "updated_at": "2026-11-02T00:00:02-08:00",
        "custom_fields/Project Code": "PR-7",
        "title": "Ledger rollout",
        "status/key": 300,
        "start_date": "2026-01-05",
        "due_date": None,
        "price_in_cents": 1250000,
        "currency": "EUR",
        "default_rate": None,
        "custom_fields/Fee Model": "Fixed Fee",
        "custom_fields/Service Line": None,
        "custom_fields/Legal Entity": None,
        "primary_workspace_group_id": None,
        "primary_maven_id": None,
    }


def test_every_field_that_kantata_sends_is_mapped_or_ignored_by_name(account):
    for each in SYSTEM.objects.values():
        account.tables[each.name].create({"company": True} if each is GROUPS else {})

        (row,), _, _ = account.read(each)

        assert set(row) - {path.split("/")[0] for path in each.source_fields()} - set(each.ignore) == set()


def test_a_label_is_not_a_customer_and_an_archived_project_and_a_leaver_are_still_read(account):
    company = account.tables["workspace_groups"].create({"name": "Acme", "company": True})
    account.tables["workspace_groups"].create({"name": "Strategic"})
    project = account.tables["workspaces"].create(PROJECT | {"archived": True})
    user = account.tables["users"].create({"full_name": "Ada Example", "disabled": True})

    read = [[row["id"] for row in account.read(each)[0]] for each in (GROUPS, PROJECTS, USERS)]

    assert read == [[company], [project], [user]]


def test_time_is_draft_submitted_approved_or_invoiced(account):
    for state in ("draft", "submitted", "approved", "invoiced"):
        account.tables["time_entries"].create({"time_in_minutes": 50, "status": state})

    rows, _, _ = account.read(TIME)

    assert [row["status"] for row in reversed(rows)] == ["draft", "submitted", "approved", "invoiced"]


def test_an_incremental_read_brings_what_changed_at_its_watermark_or_later(account):
    first, second = log_time(account, 2)
    _, _, watermark = account.read(TIME)
    account.tables["time_entries"].update(first, {"notes": "Corrected"})

    rows, complete, later = account.read(TIME, watermark)

    assert (watermark, later) == ("2026-11-02T08:00:02+00:00", "2026-11-02T08:00:03+00:00")
    assert complete
    assert [row["id"] for row in rows] == [first, second]  # the second changed exactly at the watermark


def test_an_incremental_read_without_news_keeps_its_watermark(account):
    log_time(account, 1)

    assert account.read(TIME, "2026-12-01T00:00:00+00:00") == ([], True, "2026-12-01T00:00:00+00:00")


def test_an_incremental_read_brings_a_project_of_which_only_a_custom_field_changed(account):
    key = account.tables["workspaces"].create(PROJECT)
    account.tables["workspaces"].create(PROJECT)
    _, _, watermark = account.read(PROJECTS)
    account.tables["workspaces"].update(key, {"custom_fields": {"Project Code": "PR-8"}})

    rows, complete, _ = account.read(PROJECTS, watermark)

    assert complete
    assert {row["id"]: row["custom_fields"]["Project Code"] for row in rows}[key] == "PR-8"


def test_a_record_deleted_between_two_pages_leaves_the_read_partial(account):
    keys = log_time(account, 300)
    pages = account.connector.read(TIME, None)
    next(pages)
    account.tables["time_entries"].delete(keys[-1])

    *_, end = pages

    assert not end.last  # the deletion pulled an entry up to the page that was read already


def test_records_made_and_changed_between_two_pages_are_in_the_same_read(account):
    keys = log_time(account, 300)
    pages = account.connector.read(TIME, None)
    seen = next(pages).rows
    account.tables["time_entries"].update(keys[0], {"notes": "Late"})
    keys += log_time(account, 1)

    rest = list(pages)

    assert rest[-1].last
    assert sorted(row["id"] for rows in [seen, *(page.rows for page in rest)] for row in rows) == keys
    assert rest[-1].watermark == "2026-11-02T08:05:00+00:00"  # of the first page: what came later is read again


def test_a_listing_that_shuffles_equal_stamps_between_two_pages_leaves_the_read_partial(account):
    _, *others = log_time(account, 500)
    entries = account.tables["time_entries"].rows
    for key in others:
        entries[key]["updated_at"] = "2026-11-01T00:00:00-08:00"
    pages = account.connector.read(TIME, None)
    next(pages)
    account.tables["time_entries"].rows = dict(reversed(entries.items()))

    *_, end = pages

    assert not end.last
