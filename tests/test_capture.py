"""What capture promises: changes are found, absence is never taken for deletion, broken rows wait."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from hub import capture, capture_table, snapshot, store
from hub.errors import ContractBroken
from hub.mapping import Object, System
from hub.systems.connector import Page, Seen

ACCOUNT = Object.model_validate(
    {
        "name": "Account",
        "is": "customer",
        "key": "Id",
        "changed": "Stamp",
        "gone": {"deleted": "IsDeleted", "merged_into": "Master"},
        "fields": {
            "legal_name": "Name",
            "credit_limit": {"value": "Limit", "currency": {"const": "EUR"}},
            "payment_terms": {"from": "Terms", "codes": {"N30": "net_30", "N60": "net_60"}},
        },
        "ignore": ["Extra"],
    }
)
CRM = System.model_validate({"system": "crm", "role": "crm", "objects": {"Account": ACCOUNT}})


class Said:
    """A system that says what the test gives it, and knows what became of some ids."""

    def __init__(self, *pages, fates=None):
        self.pages, self.fates = pages, fates or {}

    def read(self, each, since):
        yield from self.pages

    def look(self, each, record_ids, fields=()):
        return {key: self.fates.get(key, Seen("unknown")) for key in record_ids}


def row(key, name="Ada Ltd", **more):
    return {"Id": key, "Stamp": "2026-11-02T08:00:00Z", "IsDeleted": False, "Master": None, "Name": name, "Limit": 5, "Terms": "N30"} | more


class Hub:
    def __init__(self, folder):
        self.folder, self.at, self.connection = folder, datetime(2026, 11, 2, tzinfo=UTC), store.connect()
        capture.prepare(self.connection)

    def read(self, *pages, each=ACCOUNT, **how):
        return self.load(self.take(*pages, each=each, **how), each)

    def take(self, *pages, since=None, fates=None, each=ACCOUNT, before=None):
        self.at += timedelta(minutes=1)
        known = pl.Series(self.ids(), dtype=pl.String) if since is None else None
        return snapshot.take(CRM, each, Said(*pages, fates=fates), self.folder, at=self.at, since=since, known=known, before=before)

    def load(self, manifest, each=ACCOUNT):
        self.manifest = manifest
        return capture.load(self.connection, CRM, each, manifest, self.folder).changes

    def ids(self):
        if not self.connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'crm__Account'").fetchone():
            return []
        return [
            key for (key,) in self.connection.execute('SELECT _id FROM capture."crm__Account" WHERE _gone IS NULL ORDER BY 1').fetchall()
        ]

    def quarantine(self):
        return self.connection.execute("SELECT record_id, reason FROM capture.quarantine ORDER BY 1").fetchall()


@pytest.fixture
def hub(tmp_path):
    return Hub(tmp_path)


def whole(*rows):
    return Page(list(rows), last=True)


def test_insert_update_delete_undelete_and_merge_are_told_apart(hub):
    first = hub.read(whole(row("1"), row("2"), row("3"), row("4")))
    second = hub.read(whole(row("1"), row("2", "Ada GmbH"), row("3", IsDeleted=True), row("4", Master="1", IsDeleted=True), row("5")))
    third = hub.read(whole(row("1"), row("2", "Ada GmbH"), row("3"), row("4", Master="1", IsDeleted=True), row("5")))

    assert first == {"insert": 4}
    assert second == {"delete": 1, "insert": 1, "merge": 1, "update": 1}
    assert third == {"undelete": 1}


def test_an_equal_read_changes_nothing(hub):
    hub.read(whole(row("1"), row("2")))

    assert hub.read(whole(row("1"), row("2"))) == {}


@pytest.mark.parametrize("older", [{"Name": "Ida Ltd"}, {"IsDeleted": True}])
@pytest.mark.parametrize("first", [True, False])
def test_of_a_record_that_one_read_holds_twice_the_newer_row_counts_also_when_it_is_as_known(hub, older, first):
    hub.read(whole(row("1", Stamp="2026-11-02T09:00:00Z"), row("2")))
    rows = [row("1", Stamp="2026-11-02T08:30:00Z", **older), row("1", Stamp="2026-11-02T09:00:00Z")]

    assert hub.read(whole(*(rows if first else rows[::-1]), row("2"))) == {}


def test_a_broken_row_waits_in_quarantine_with_its_reasons_and_the_others_go_on(hub):
    changes = hub.read(whole(row("1"), row("2", Limit="much"), row("3", Terms="N45"), row("", Limit=None)))

    assert changes == {"insert": 1}
    assert hub.quarantine() == [
        ("", "Id is missing"),
        ("2", "Limit: 'much' is not a number that fits DECIMAL(18,2)"),
        ("3", "Terms: no code for 'N45'"),
    ]


def test_a_quarantined_row_comes_back_when_the_contract_is_mended(hub):
    hub.read(whole(row("1"), row("3", Terms="N45")))
    codes = {"N30": "net_30", "N60": "net_60", "N45": "net_45"}
    mended = ACCOUNT.model_copy(
        update={"fields": ACCOUNT.fields | {"payment_terms": {"": ACCOUNT.fields["payment_terms"][""].model_copy(update={"codes": codes})}}}
    )
    raw = [text for (text,) in hub.connection.execute("SELECT raw FROM capture.quarantine").fetchall()]

    manifest = snapshot.replay(CRM, mended, raw, hub.folder, at=hub.at + timedelta(hours=1))

    assert hub.load(manifest, mended) == {"insert": 1}
    assert hub.quarantine() == []


def test_a_truncated_read_never_deletes_and_never_moves_the_watermark(hub):
    hub.read(whole(row("1"), row("2"), row("3")))

    changes = hub.read(Page([row("1", "Ada GmbH", Stamp="2026-11-03T08:00:00Z")], last=False), fates={"2": Seen("deleted")})

    assert changes == {"update": 1}
    assert hub.ids() == ["1", "2", "3"]
    assert hub.manifest.watermark is None


def test_an_empty_answer_stops_the_object_and_deletes_nothing(hub):
    hub.read(whole(row("1"), row("2"), row("3")))

    with pytest.raises(ContractBroken, match="0 records where 3 were before"):
        hub.read(whole(), fates={"1": Seen("deleted")})

    assert hub.ids() == ["1", "2", "3"]


def test_a_missing_record_is_looked_at_and_only_a_deletion_deletes(hub):
    hub.read(whole(*[row(str(number)) for number in range(1, 9)]))
    fates = {"1": Seen("deleted"), "2": Seen("unknown"), "3": Seen("there"), "4": Seen("merged", into="5")}

    changes = hub.read(whole(*[row(str(number)) for number in range(5, 9)]), fates=fates)

    assert changes == {"delete": 1, "merge": 1, "not_visible": 1}
    assert "2" in hub.ids()


def test_a_record_that_was_gone_and_comes_back_as_it_was_is_found(hub):
    everything = [row(str(number)) for number in range(1, 9)]
    hub.read(whole(*everything))
    hub.read(whole(*everything[1:]), fates={"1": Seen("deleted")})

    assert hub.read(whole(*everything)) == {"undelete": 1}
    assert "1" in hub.ids()


def test_a_deleted_record_stays_as_it_was_last_seen_when_its_system_sends_no_more_of_it_than_its_key(hub):
    hub.read(whole(row("1"), row("2")))
    gone = Page([dict.fromkeys(row("1")) | {"Id": "1", "IsDeleted": True}], last=True)

    assert hub.read(gone, since="2026-11-02") == {"delete": 1}
    assert hub.read(gone, since="2026-11-02") == {}
    assert hub.connection.execute('SELECT _gone, "Name" FROM capture."crm__Account" WHERE _id = \'1\'').fetchall() == [
        ("deleted", "Ada Ltd")
    ]


def test_a_field_that_vanished_stops_the_object(hub):
    rows = [row(str(number)) for number in range(30)]
    hub.read(whole(*rows))

    with pytest.raises(ContractBroken, match="no longer sends Terms"):
        hub.read(whole(*[{name: value for name, value in each.items() if name != "Terms"} for each in rows]), before=hub.manifest)


def test_an_unknown_field_is_reported_and_the_read_goes_on(hub):
    hub.read(whole(row("1", Mood="good", Extra=1)))

    assert hub.manifest.unmapped == ["Mood"]
    assert hub.ids() == ["1"]


def test_a_snapshot_that_is_in_already_changes_nothing(hub):
    hub.read(whole(row("1")))
    old = hub.manifest
    hub.read(whole(row("1", "Ada GmbH")))

    assert hub.load(old) == {}
    assert hub.connection.execute('SELECT "Name" FROM capture."crm__Account"').fetchall() == [("Ada GmbH",)]


def test_a_snapshot_that_comes_late_takes_its_place_in_the_order_and_overrules_nothing(hub):
    hub.read(whole(row("1"), row("2", Terms="N45")))
    late = hub.take(whole(row("1", "Ada AG"), row("3")))
    hub.read(whole(row("1", "Ada GmbH"), row("2")))

    changes = hub.load(late)

    assert changes == {"insert": 1, "update": 1}
    assert hub.connection.execute('SELECT _id, "Name" FROM capture."crm__Account" ORDER BY 1').fetchall() == [
        ("1", "Ada GmbH"),
        ("2", "Ada Ltd"),
        ("3", "Ada Ltd"),
    ]
    assert hub.connection.execute("SELECT taken_at FROM capture.snapshot").fetchall() == sorted(
        hub.connection.execute("SELECT taken_at FROM capture.snapshot").fetchall()
    )


def test_a_row_that_stays_broken_keeps_its_age(hub):
    hub.read(whole(row("1"), row("2", Terms="N45")))
    first = hub.manifest.taken_at

    hub.read(whole(row("2", Terms="N50"), row("3", Terms="N50")), since=first)

    assert hub.connection.execute("SELECT record_id, quarantined_at FROM capture.quarantine ORDER BY 1").fetchall() == [
        ("2", first),
        ("3", hub.manifest.taken_at),
    ]
    assert [text for (text,) in hub.connection.execute("SELECT reason FROM capture.quarantine ORDER BY 1").fetchall()] == [
        "Terms: no code for 'N50'"
    ] * 2


def test_a_new_field_in_the_contract_keeps_the_records_and_finds_only_what_differs(hub):
    hub.read(whole(row("1", Site="ada.example"), row("2", Site=None)))
    wider = Object.model_validate(
        ACCOUNT.model_dump(by_alias=True, exclude={"fields"}) | {"fields": {"legal_name": "Name", "website": "Site"}}
    )

    assert hub.read(whole(row("1", Site="ada.example"), row("2", Site=None)), each=wider) == {"update": 1}


def test_a_killed_read_leaves_no_trace(hub):
    def killed():
        yield row("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.read(Page(killed(), last=True))

    hub.read(whole(row("1")))
    assert [path.name[0] for path in (hub.folder / "crm" / "Account").iterdir()] == ["2"]


def test_each_record_knows_when_it_and_each_of_its_fields_changed(hub):
    hub.read(Page([row("A", Stamp="2026-11-01T09:00:00.000+0100"), row("B")], last=True))
    hub.read(Page([row("A", Stamp="2026-11-03T09:00:00Z", Terms=""), row("B")], last=True))
    hub.read(Page([row("A", Stamp="2026-11-04T09:00:00Z", Terms="", Name="Ada SE"), row("B", Stamp="soon", Limit=6)], last=True))

    found = hub.connection.execute(
        'SELECT _id, _first_at, _changed_at, _field_changed_at FROM capture."crm__Account" ORDER BY 1'
    ).fetchall()

    first, then, last, read = (datetime(2026, 11, day, hour) for day, hour in ((1, 8), (3, 9), (4, 9), (2, 0)))
    assert found == [
        ("A", first, last, {"Name": last, "Terms": then}),
        ("B", datetime(2026, 11, 2, 8), read + timedelta(minutes=3), {"Limit": read + timedelta(minutes=3)}),
    ]


def test_a_hub_that_was_made_before_records_had_stamps_gets_them(hub):
    hub.read(Page([row("A")], last=True))
    for column in capture_table.STAMPS:
        hub.connection.execute(f'ALTER TABLE capture."crm__Account" DROP COLUMN {column}')
    hub.connection.execute("""COMMENT ON TABLE capture."crm__Account" IS 'as it was'""")

    capture.prepare(hub.connection, [CRM])
    hub.read(Page([row("A", Terms="", Stamp="2026-11-03T09:00:00Z")], last=True))

    found = hub.connection.execute('SELECT _first_at, _changed_at, _field_changed_at FROM capture."crm__Account"').fetchall()
    then = datetime(2026, 11, 3, 9)
    assert found == [(then, then, {"Terms": then})]


def test_a_field_that_is_suddenly_empty_in_every_record_is_an_outage_and_clears_nothing(hub):
    rows = [row(f"A{number}") for number in range(30)]
    hub.read(Page(rows, last=True))
    few = [each | {"Limit": None} for each in rows[:29]]

    with pytest.raises(ContractBroken, match="Terms was filled before and is empty in all 30 records"):
        hub.read(Page([each | {"Terms": None} for each in rows], last=True), before=hub.manifest)

    assert hub.read(Page([*few, rows[29]], last=True), before=hub.manifest) == {"update": 29}
