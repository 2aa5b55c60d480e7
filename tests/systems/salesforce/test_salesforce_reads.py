"""What the Salesforce connector reads, looks at and finds in a simulated org."""

from collections import Counter

from salesforce_org import ACCOUNT, CONTACT, SYSTEM, ids, names

from hub import nested
from hub.systems.connector import Seen, Write


def test_a_full_read_follows_every_page_and_says_which_is_the_last(five):
    pages = list(five.salesforce.read(ACCOUNT, None))

    assert names(pages) == ["Firm 1", "Firm 2", "Firm 3", "Firm 4", "Firm 5"]
    assert [page.last for page in pages] == [False, False, True]
    assert "attributes" not in pages[0].rows[0]
    assert {"OwnerId", "Name"} & pages[0].fields == {"Name"}


def test_every_field_that_the_org_offers_is_mapped_or_ignored(org):
    for each in SYSTEM.objects.values():
        offered = next(org.salesforce.read(each, None)).fields

        assert offered - set(each.source_fields()) - set(each.ignore) == set()


def test_the_next_read_starts_early_enough_to_see_transactions_that_were_still_open(five):
    *_, last = five.salesforce.read(ACCOUNT, None)

    assert max(row["SystemModstamp"] for row in last.rows) == "2026-11-02T08:00:05.000+0000"
    assert last.watermark == "2026-11-02T07:50:05.000+0000"


def test_an_incremental_read_brings_what_changed_at_or_after_the_watermark(five):
    since = five.accounts.rows[ids(five)[4]]["SystemModstamp"]
    five.accounts.update(ids(five)[1], {"Phone": "+49 30 1234567"})

    pages = list(five.salesforce.read(ACCOUNT, since))

    assert names(pages) == ["Firm 5", "Firm 2"]
    assert pages[-1].watermark == since  # never moves back


def test_a_read_of_nothing_new_is_complete_and_keeps_the_watermark(five):
    [page] = five.salesforce.read(ACCOUNT, "2026-12-01T00:00:00.000+0000")

    assert (page.rows, page.last, page.watermark) == ([], True, "2026-12-01T00:00:00.000+0000")


def test_deleted_and_merged_accounts_are_read_and_looked_at_as_such(five):
    one, two, three, *_ = ids(five)
    five.accounts.delete(one)
    five.accounts.delete(two, into=three)

    rows = {row["Id"]: row for page in five.salesforce.read(ACCOUNT, None) for row in page.rows}
    seen = five.salesforce.look(ACCOUNT, [one, two, three, "001000000000000AAA"])

    assert [rows[each]["IsDeleted"] for each in (one, two, three)] == [True, True, False]
    assert rows[two]["MasterRecordId"] == three
    assert seen == {
        one: Seen("deleted"),
        two: Seen("merged", into=three),
        three: Seen("there", rows[three], rows[three]["SystemModstamp"]),
        "001000000000000AAA": Seen("unknown"),
    }


def test_a_look_at_some_fields_asks_for_no_others_and_tells_state_and_version_all_the_same(five):
    one, two, three, *_ = ids(five)
    five.accounts.delete(one)
    five.accounts.delete(two, into=three)

    seen = five.salesforce.look(ACCOUNT, [one, two, three], {"Website"})

    assert [seen[each].state for each in (one, two)] == ["deleted", "merged"]
    assert seen[three].row.keys() == {"Id", "IsDeleted", "MasterRecordId", "SystemModstamp", "Website"}
    assert seen[three].version == five.accounts.rows[three]["SystemModstamp"]


def test_an_account_that_a_person_takes_out_of_the_recycle_bin_is_there_again(five):
    one = ids(five)[0]
    five.accounts.delete(one)
    deleted_at = five.accounts.bin[one]["SystemModstamp"]
    five.accounts.undelete(one)

    [page] = five.salesforce.read(ACCOUNT, deleted_at)

    assert [(row["Id"], row["IsDeleted"]) for row in page.rows] == [(one, False)]
    assert five.salesforce.look(ACCOUNT, [one])[one].state == "there"


def test_a_merge_moves_the_children_over_and_a_delete_takes_them_along(five):
    loser, winner, deleted, *_ = ids(five)
    contacts = five.simulator.tables["Contact"]
    moved = contacts.create({"Name": "Petra van Holm", "AccountId": loser})
    gone = contacts.create({"Name": "Jo Lind", "AccountId": deleted})

    five.accounts.delete(loser, into=winner)
    five.accounts.delete(deleted)

    assert contacts.rows[moved]["AccountId"] == winner
    assert five.salesforce.look(CONTACT, [gone]) == {gone: Seen("deleted")}


def test_a_text_in_a_hub_id_can_not_become_part_of_a_query(org):
    tricky = "C-1') OR Name = ('\\"
    org.accounts.create({"Name": "Firm 1", "Concord_Id__c": "C-1"})
    found = org.accounts.create({"Name": "Firm 2", "Concord_Id__c": tricky})

    assert org.salesforce.find(ACCOUNT, [tricky]) == {tricky: [found]}


def test_a_record_names_who_changed_it_last_a_person_or_us(org):
    one = org.accounts.create({"Name": "Firm 1"})
    [by_a_person] = next(org.salesforce.read(ACCOUNT, None)).rows

    org.salesforce.write(ACCOUNT, [Write("P-1", "update", one, "C-1", {"Website": "firm.example"})])
    [by_us] = next(org.salesforce.read(ACCOUNT, None)).rows

    assert [nested.get(row, ACCOUNT.edited_by) for row in (by_a_person, by_us)] == ["Toni Sales", "Concord Integration"]


def test_many_ids_are_asked_for_in_several_queries(org):
    for number in range(450):
        org.accounts.create({"Name": f"Firm {number}"})

    seen = org.salesforce.look(ACCOUNT, ids(org))

    assert Counter(each.state for each in seen.values()) == {"there": 450}
