"""How two records are told to be one: the rendered SQL on a few records, and its weights beside Splink's own."""

import hashlib
import json
import re
import subprocess
import sys

import polars as pl
import pytest
from splink import DuckDBAPI, Linker

from benchmarks import splink_peer
from hub import entity, matching, rules, store
from hub.errors import ConfigurationWrong
from hub.pairs import weighed
from reconcile import learn, train
from reconcile.clusters import clusters

FIRM = "firm: Example\ncurrency: EUR\nsystems:\n  bamboohr: {kind: bamboohr, url: 'http://127.0.0.1:1'}\n"
TOWER = {"billing_address_street": "Turmstrasse 1", "billing_address_postcode": "10115"}


def keys(name, records):
    """The narrow keys of canonical records, as models/identity/key.sql makes them."""
    columns = entity.all_entities()[name].columns()
    rows = [
        {"record_ref": f"crm:Thing:{number}"}
        | {column: record.get(column) for column in ["record_ref", *columns] if column in record or column != "record_ref"}
        for number, record in enumerate(records)
    ]
    canonical = pl.DataFrame(rows, schema={"record_ref": pl.String} | dict.fromkeys(columns, pl.String))
    wanted = matching.read(name).select(
        "record_ref, split_part(record_ref, ':', 1) AS source, NULL::TEXT AS hub_id_said", "canonical", columns
    )
    with store.connect() as connection:
        connection.register("canonical", canonical)
        return connection.execute(f"{wanted} ORDER BY record_ref").pl()


def known(name):
    """Our matching of an entity, as the hub uses it."""
    return matching.read(name).of(entity.all_entities()[name].columns())


def judged(name, *records, how=None):
    """The pairs of these records as models/identity/pair.sql weighs them."""
    with store.connect() as connection:
        connection.register("narrow", keys(name, records))
        return connection.execute(weighed("narrow", how or known(name), entity.all_entities()[name].identity.strong, False)).pl()


def verdict(name, left, right):
    return next(iter(judged(name, left, right).get_column("verdict")), "no pair")


def united(name, *records):
    """How many things these records are taken for."""
    strong = entity.all_entities()[name].identity.strong
    pairs, records = judged(name, *records), keys(name, records).select("record_ref", *strong)
    found = clusters(records, pairs.filter(pl.col("verdict") == "link"), pairs.filter("has_unequal_key").select("left_ref", "right_ref"))
    return found.get_column("cluster").n_unique()


def customer(name, **more):
    return {"legal_name": name, "trade_name": None} | more


def test_one_organisation_spelled_in_two_ways_is_linked():
    sales = customer("Müller & Söhne GmbH", website="mueller-soehne.example", phone="+493023125001", **TOWER)
    archive = customer("MUELLER UND SOEHNE GESELLSCHAFT MBH", phone="030 23125001", **TOWER | {"billing_address_street": "Turmstr. 1"})

    assert verdict("customer", sales, archive) == "link"


def test_look_alike_organisations_in_different_towns_are_not_linked():
    one = customer("Nordlicht Energie GmbH", website="nordlicht-energie.example", phone="+494023125001", billing_address_postcode="20095")
    other = customer("Nordlicht Energie AG", website="nordlicht.example", phone="+498923125777", billing_address_postcode="80331")

    assert verdict("customer", one, other) != "link"


def test_subsidiaries_in_one_house_with_one_switchboard_and_domain_go_to_a_steward():
    shared = {"website": "skarith.example", "phone": "+493023125001", **TOWER}

    assert verdict("customer", customer("Skarith Logistik GmbH", **shared), customer("Birkenbau Verwaltung GmbH", **shared)) == "review"


def test_subsidiaries_in_one_house_with_tax_ids_of_their_own_stay_apart_also_through_a_third_record():
    shared = {"website": "skarith.example", "phone": "+493023125001", **TOWER}
    one = customer("Skarith GmbH", tax_id="DE811569869", **shared)
    other = customer("Skarith GmbH", tax_id="DE136695976", **shared)

    assert verdict("customer", one, other) == "forbid"
    assert united("customer", one, other, customer("Skarith GmbH", **shared)) == 2


@pytest.mark.parametrize("typed", ["DE811234576", "DE811234568", "DE81123456", "DE8112345677"])
def test_a_tax_id_typed_wrong_goes_to_a_steward_and_links_nothing_meanwhile(typed):
    shared = {"website": "skarith.example", "phone": "+493023125001", **TOWER}
    one, other = customer("Skarith GmbH", tax_id="DE811234567", **shared), customer("Skarith GmbH", tax_id=typed, **shared)

    assert verdict("customer", one, other) == "review"
    assert united("customer", one, other, customer("Skarith GmbH", **shared)) == 2


def test_neighbouring_tax_ids_of_different_organisations_are_no_slip():
    one = customer("Skarith Logistik GmbH", tax_id="DE811234567", **TOWER)
    other = customer("Birkenbau Verwaltung GmbH", tax_id="DE811234568", **TOWER)

    assert verdict("customer", one, other) == "forbid"


def test_an_equal_tax_id_links_whatever_the_names_are():
    assert verdict("customer", customer("Skarith GmbH", tax_id="DE811234567"), customer("Alvbryn AG", tax_id="DE811234567")) == "link"


@pytest.mark.parametrize("colleague", ["Bela Orlemont", "Ida Nachtweyden"])
def test_people_who_share_mailbox_and_telephone_are_not_linked(colleague):
    office = {"email": "office@skarith.example", "phone": "+493023125001"}

    assert verdict("contact", {"full_name": "Ines Nachtweyden", **office}, {"full_name": colleague, **office}) == "review"


def test_a_person_is_found_in_a_list_that_says_family_names_first():
    mailbox = {"email": "ines.nachtweyden@skarith.example"}

    assert verdict("contact", {"full_name": "Ines Nächtweyden", **mailbox}, {"full_name": "Naechtweyden, Ines", **mailbox}) == "link"


def test_namesakes_with_different_mailboxes_are_not_linked():
    one, other = {"full_name": "Ines Voss", "email": "ines.voss@firm.example"}, {"full_name": "Ines Voss", "email": "ivoss2@firm.example"}

    assert verdict("worker", one, other) != "link"


def test_what_is_not_said_weighs_nothing():
    pairs = judged("customer", customer("Skarith GmbH", website="skarith.example"), customer("Skarith GmbH"))

    how = known("customer")
    assert pairs.get_column("match_weight").item() == pytest.approx(
        how.prior + how.comparisons["name"].levels[0].weight + how.comparisons["form"].levels[0].weight, abs=1e-6
    )


RECORDS = [
    customer("Skarith GmbH", website="skarith.example", phone="+493023125001", **TOWER),
    customer("Skarith AG", phone="+493023125001", billing_address_street="Turmstr. 1", billing_address_postcode="10115"),
    customer("Skarit GmbH", website="skarith.example", billing_address_postcode="10115"),
    customer(
        "Alvbryn Ltd",
        website="skarith.example",
        phone="+442079460001",
        billing_address_street="1 Elm St",
        billing_address_postcode="N1 9GU",
    ),
    customer("Alvbryn Limited", phone="+442079460001", billing_address_street="2 Elm Street", billing_address_postcode="N1 9GU"),
]


@pytest.mark.parametrize("name", ["customer", "contact", "worker"])
def test_a_key_that_is_made_in_steps_is_the_key_written_out(name):
    said = [
        "Łódź Nord-Süd Handels GmbH & Co. KG",
        "The Ünlü, Ltd.",
        "",
        None,
        "Dr. Meier, Anna",
        "info@müller.example",
        "+49 30 1234567",
        "2001-02-03",
        "Газпром ООО",
    ]
    records = [dict.fromkeys(entity.all_entities()[name].columns(), each) for each in said]
    how = matching.read(name)

    made = keys(name, records)

    columns = {"record_ref", *entity.all_entities()[name].columns()}
    absent = "".join(f", NULL::TEXT AS {each}" for each in how.beside if each not in columns)
    rows = pl.DataFrame(
        [dict.fromkeys(columns, each) | {"record_ref": f"crm:Thing:{number}"} for number, each in enumerate(said)],
        schema=dict.fromkeys(sorted(columns), pl.String),
    )
    with store.connect() as connection:
        connection.register("canonical", rows)
        wanted = ", ".join(f"({sql})::TEXT AS {key}" for key, sql in how.key_sql().items())
        written_out = connection.execute(f"SELECT {wanted} FROM (SELECT *{absent} FROM canonical) ORDER BY record_ref").pl()
    assert made.select(written_out.columns).equals(written_out)


def test_our_weights_are_those_that_splink_computes_from_the_same_numbers():
    how = known("customer")
    api = DuckDBAPI(connection=store.connect())
    linker = Linker(api.register(keys("customer", RECORDS).to_arrow()), splink_peer.settings(how), log_level=None)

    splinks = linker.inference.predict(threshold_match_weight=-99).as_duckdbpyrelation().pl()

    theirs = {
        tuple(sorted((left, right))): weight
        for left, right, weight in splinks.select("record_ref_l", "record_ref_r", "match_weight").rows()
    }
    ours = judged("customer", *RECORDS, how=how.model_copy(update={"review": -99})).select("left_ref", "right_ref", "match_weight").rows()
    assert {(left, right): weight for left, right, weight in ours} == pytest.approx(theirs, abs=1e-6)
    assert len(ours) >= 6


def word(number):
    """A word that looks like no other."""
    return "".join("bcdfghjklmnpqrst"[int(digit, 16)] for digit in hashlib.sha256(str(number).encode()).hexdigest()[:8])


def people(count):
    """Invented people, each in two lists; the second has another mailbox for every fifth and another name for every seventh."""
    said = lambda system, number, family, mailbox: {
        "record_ref": f"{system}:P:{number}",
        "full_name": f"{word(number % 70)} {family}",
        "email": f"{mailbox}@firm.example",
        "employee_number": str(number) if number % 2 else None,
    }
    first = [said("hr", number, word(f"f{number}"), word(f"m{number}")) for number in range(count)]
    second = [
        said("erp", number, word(f"f{number}" if number % 7 else f"g{number}"), word(f"m{number}" if number % 5 else f"n{number}"))
        for number in range(count)
    ]
    return first + second


def learned(records):
    with store.connect() as connection:
        connection.register("narrow", keys("worker", records))
        return learn.learn(connection, "narrow", known("worker"), ["employee_number"])


def test_training_finds_without_labels_how_often_matches_agree():
    found = learned(people(210))

    assert found.comparisons["email"].levels[0].m == pytest.approx(0.8, abs=0.05)
    assert found.comparisons["family"].levels[0].m == pytest.approx(6 / 7, abs=0.05)
    assert 2**found.prior == pytest.approx(1 / 419, rel=0.2)


def test_training_twice_finds_the_same():
    assert learned(people(60)) == learned(people(60))


def test_where_no_two_records_are_one_training_expects_hardly_any_and_links_none():
    alone = people(60)[:60]

    found = learned(alone)

    assert found.prior < -9
    assert judged("worker", *alone, how=found).filter(pl.col("verdict") == "link").is_empty()


def test_what_many_share_weighs_less_than_what_few_do():
    rare, common = {"full_name": "Ada Quillfeather"}, {"full_name": "Ada Smith"}
    crowd = [{"full_name": f"{letter}{letter}{letter} Smith"} for letter in "bcdfghjklmnpqrst"]

    pairs = judged("worker", rare, rare, common, common, *crowd, how=known("worker").model_copy(update={"review": -99}))

    family = {(row["left_ref"], row["right_ref"]): json.loads(row["evidence"])["family"] for row in pairs.iter_rows(named=True)}
    assert family["crm:Thing:0", "crm:Thing:1"] > family["crm:Thing:2", "crm:Thing:3"] + 3


def test_a_value_that_too_many_share_brings_no_two_records_together():
    how = known("customer").model_copy(update={"most": 5})
    firms = [customer(f"{letter * 4} Works {letter}", phone="+493023125001") for letter in "abcdefgh"]

    assert judged("customer", *firms[:5], how=how.model_copy(update={"review": -99})).height == 10
    assert judged("customer", *firms, how=how.model_copy(update={"review": -99})).is_empty()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО Ромашка", "Romashka"),
        ("Kowalski Sp. z o.o.", "KOWALSKI SPOLKA"),
        ("Acme S.A. de C.V.", "ACME SA"),
        ("Nestlé S.A.", "Nestle"),
        ("Skarith Aktiengesellschaft", "Skarith AG"),
        ("Brook Pty. Ltd.", "The Brook Company"),
    ],
)
def test_names_in_other_scripts_and_with_the_legal_forms_of_other_countries_are_one_name(one, other):
    narrow = keys("customer", [customer(one), customer(other)])["name_key"].to_list()

    assert narrow[0] == narrow[1] or narrow[1].startswith(narrow[0])


def test_a_mailbox_at_a_provider_for_everyone_says_nothing_of_the_organisation():
    narrow = keys(
        "customer", [customer("Skarith GmbH", email="skarith@gmail.com"), customer("Skarith GmbH", email="office@skarith.example")]
    )

    assert narrow["domain"].to_list() == [None, "skarith.example"]


@pytest.mark.parametrize(("one", "other"), [("Bob", "Robert"), ("Peggy", "Margaret"), ("Basti", "Bastian"), ("B.", "Bastian")])
def test_nicknames_short_names_and_initials_speak_for_one_person(one, other):
    pairs = judged("worker", *({"full_name": f"{given} Quillfeather", "email": "q@firm.example"} for given in (one, other)))

    assert json.loads(pairs["evidence"].item())["given"] > 0


def test_a_firm_trains_on_its_newest_cut_and_gets_a_matching_of_its_own(tmp_path):
    (tmp_path / "concord.yaml").write_text(FIRM)
    state, rows = tmp_path / "state", people(60)
    with store.writing(state / "hub.duckdb") as connection:
        connection.register("rows", pl.DataFrame(rows))
        connection.execute("CREATE SCHEMA canonical")
        columns = "record_ref, split_part(record_ref, ':', 1) AS system, 'P' AS object, TRUE AS is_live, full_name, email, employee_number"
        connection.execute(f"CREATE TABLE canonical.worker AS SELECT {columns} FROM rows")
    store.publish(state / "hub.duckdb", state / "cuts", "first")

    command = [sys.executable, "-m", "reconcile.train", tmp_path, "--entity", "worker", "--json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["worker"]

    assert said["records"] == 120
    assert matching.read("worker", tmp_path / "identity").prior == round(said["prior"][1], 2)


@pytest.mark.parametrize("name", ["customer", "contact", "worker"])
def test_training_changes_the_numbers_of_a_file_and_nothing_else(name, tmp_path):
    text, how = (matching.FOLDER / f"{name}.yaml").read_text(), matching.read(name)
    said = how.model_dump() | {"prior": -7.5}
    for each in said["comparisons"].values():
        for number, level in enumerate(each["levels"]):
            level |= {"m": 0.5 + number / 100, "u": 0.25}
    found = matching.Matching.model_validate(said)

    (tmp_path / f"{name}.yaml").write_text(train.written(text, found))

    assert matching.read(name, tmp_path) == found
    blank = lambda said: re.sub(r"(m|u|prior): [-\d.e]+", r"\1:", said)
    assert blank((tmp_path / f"{name}.yaml").read_text()) == blank(text)


def test_a_firms_own_matching_holds_before_ours_and_changes_the_version_of_its_rules(tmp_path):
    (tmp_path / "concord.yaml").write_text(FIRM)
    before = rules.version(str(tmp_path))
    own = tmp_path / "identity" / "worker.yaml"
    own.parent.mkdir()
    own.write_text((matching.FOLDER / "worker.yaml").read_text().replace("link: 6.63", "link: 9.96"))
    for remembered in (rules.on_day, matching.read):
        remembered.cache_clear()

    assert rules.of(str(tmp_path)).matching("worker").link == 9.96
    assert rules.version(str(tmp_path)) != before


def test_a_matching_that_does_not_fit_is_refused_by_name(tmp_path):
    (tmp_path / "worker.yaml").write_text("keys: {}\nblocks: []\nlink: high\nreview: 0\nprior: 0\n")

    with pytest.raises(ConfigurationWrong, match="identity/worker.yaml"):
        matching.read("worker", tmp_path)


@pytest.mark.parametrize("other", ["Skarith Fonds 3 GmbH", "Skarith Fonds 12 GmbH"])
def test_names_that_differ_in_a_number_are_names_of_two_organisations(other):
    shared = {"website": "skarith.example", "phone": "+493023125001", **TOWER}

    assert verdict("customer", customer("Skarith Fonds 2 GmbH", **shared), customer(other, **shared)) == "review"


def test_a_name_that_goes_on_where_the_other_ends_may_be_a_subsidiarys_and_goes_to_a_steward():
    shared = {"website": "skarith.example", "phone": "+493023125001", **TOWER}

    assert verdict("customer", customer("Skarith GmbH", **shared), customer("Skarith Logistik GmbH", **shared)) == "review"


def test_a_parent_is_no_duplicate_of_its_subsidiary_whatever_they_share():
    shared = {"website": "skarith.example", "phone": "+493023125001", **TOWER}
    parent = customer("Skarith GmbH", **shared) | {"record_ref": "crm:Account:1"}
    child = customer("Skarith GmbH", parent_ref="crm:Account:1", **shared) | {"record_ref": "crm:Account:2"}

    assert verdict("customer", parent, child) == "forbid"
    assert united("customer", parent, child) == 2
