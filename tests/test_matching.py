"""How two records are told to be one: the rendered SQL on a few records, and its weights beside Splink's own."""

import json
import re
import subprocess
import sys

import polars as pl
import pytest
from splink import DuckDBAPI, Linker

from hub import entity, matching, rules, store
from hub.errors import ConfigurationWrong, HubError
from hub.pairs import weighed
from reconcile import splink_model, train
from reconcile.identity import clusters

FIRM = "firm: Example\ncurrency: EUR\nsystems:\n  bamboohr: {kind: bamboohr, url: 'http://127.0.0.1:1'}\n"
WORKER_READS = train.columns_read(matching.read("worker"), entity.all_entities()["worker"].columns())
TOWER = {"billing_address_street": "Turmstrasse 1", "billing_address_postcode": "10115"}


def keys(name, records):
    """The narrow keys of canonical records, as models/identity/key.sql makes them."""
    columns = entity.all_entities()[name].columns()
    rows = [
        {"record_ref": f"crm:Thing:{number}"} | {column: record.get(column) for column in columns} for number, record in enumerate(records)
    ]
    canonical = pl.DataFrame(rows, schema={"record_ref": pl.String} | dict.fromkeys(columns, pl.String))
    wanted = ", ".join(f"({sql})::TEXT AS {key}" for key, sql in matching.read(name).key_sql().items())
    with store.connect() as connection:
        connection.register("canonical", canonical)
        return connection.execute(f"SELECT record_ref, NULL::TEXT AS hub_id_said, {wanted} FROM canonical ORDER BY record_ref").pl()


def judged(name, *records, how=None):
    """The pairs of these records as models/identity/pair.sql weighs them."""
    with store.connect() as connection:
        connection.register("narrow", keys(name, records))
        return connection.execute(weighed("narrow", how or matching.read(name), entity.all_entities()[name].identity.strong, False)).pl()


def verdict(name, left, right):
    return next(iter(judged(name, left, right).get_column("verdict")), "no pair")


def united(name, *records):
    """How many things these records are taken for."""
    pairs, records = judged(name, *records), keys(name, records).get_column("record_ref")
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
    one = customer("Skarith GmbH", tax_id="DE811234567", **shared)
    other = customer("Skarith GmbH", tax_id="DE922765431", **shared)

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

    how = matching.read("customer")
    assert pairs.get_column("match_weight").item() == pytest.approx(how.prior + how.comparisons["name"].levels[0].weight, abs=1e-6)


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


def test_our_weights_are_those_that_splink_computes_from_the_same_numbers():
    how = matching.read("customer")
    api = DuckDBAPI(connection=store.connect())
    linker = Linker(api.register(keys("customer", RECORDS).to_arrow()), splink_model.settings(how), log_level=None)

    splinks = linker.inference.predict(threshold_match_weight=-99).as_duckdbpyrelation().pl()

    theirs = {
        tuple(sorted((left, right))): weight
        for left, right, weight in splinks.select("record_ref_l", "record_ref_r", "match_weight").rows()
    }
    ours = judged("customer", *RECORDS, how=how.model_copy(update={"review": -99})).select("left_ref", "right_ref", "match_weight").rows()
    assert {(left, right): weight for left, right, weight in ours} == pytest.approx(theirs, abs=1e-6)
    assert len(ours) >= 6


def person(system, number, family, mailbox):
    name = {"name_key": f"{'abcdefghij'[number % 10]}nna{number % 7} {family}", "family": family}
    return {
        "record_ref": f"{system}:P:{number}",
        **name,
        "email": f"{mailbox}@firm.example",
        "email_name": mailbox,
        "employee_number": str(number),
    }


def people(count):
    """Invented people, each in two lists; the second has another mailbox for every fifth and another name for every seventh."""
    first = [person("hr", number, f"fam{number}ily", f"a{number}") for number in range(count)]
    second = [
        person("erp", number, f"fam{number}ily" if number % 7 else "qqq", f"a{number}" if number % 5 else f"other{number}")
        for number in range(count)
    ]
    return pl.DataFrame(first + second)


def test_training_finds_without_labels_how_often_matches_agree():
    how = matching.read("worker")

    found = splink_model.train(how, people(210), WORKER_READS)

    assert found.levels["email"][0][0] == pytest.approx(0.8, abs=0.05)
    assert found.levels["name"][0][0] == pytest.approx(6 / 7, abs=0.05)
    assert 2**found.prior == pytest.approx(1 / 419, rel=0.2)


def test_training_twice_finds_the_same():
    how = matching.read("worker")

    once, again = (splink_model.train(how, people(60), WORKER_READS) for _ in range(2))

    assert once == again


def test_a_comparison_that_no_block_can_teach_is_named():
    how = matching.read("worker").model_copy(update={"blocks": (("email",), ("name_key",))})

    with pytest.raises(HubError, match="name, email: no block leaves two comparisons"):
        splink_model.train(how, people(30), WORKER_READS)


def test_a_block_that_no_pair_falls_in_teaches_nothing_and_stops_nothing():
    how = matching.read("worker")
    with_desks = how.model_copy(update={"keys": how.keys | {"desk": "job_title"}, "blocks": (*how.blocks, ("desk",))})

    found = splink_model.train(
        with_desks, people(60).with_columns(desk=pl.lit(None, pl.String)), WORKER_READS | {"desk": frozenset({"job_title"})}
    )

    assert found == splink_model.train(how, people(60), WORKER_READS)


def test_nothing_is_learned_while_only_one_system_holds_people():
    alone = people(30).filter(pl.col("record_ref").str.starts_with("hr"))

    with pytest.raises(HubError, match="no two records agree on a sure rule"):
        splink_model.train(matching.read("worker"), alone, WORKER_READS)


def test_a_key_is_known_by_the_columns_that_it_is_made_from():
    found = train.columns_read(matching.read("customer"), entity.all_entities()["customer"].columns())

    assert found["domain"] == {"website", "email"}
    assert found["name_start"] == found["name_key"] == {"legal_name"}


def test_a_firm_trains_on_its_newest_cut_and_gets_a_matching_of_its_own(tmp_path):
    (tmp_path / "concord.yaml").write_text(FIRM)
    state, rows = tmp_path / "state", people(60)
    with store.writing(state / "hub.duckdb") as connection:
        connection.register("rows", rows)
        connection.execute("CREATE SCHEMA canonical")
        columns = "record_ref, TRUE AS is_live, name_key AS full_name, email, employee_number"
        connection.execute(f"CREATE TABLE canonical.worker AS SELECT {columns} FROM rows")
    store.publish(state / "hub.duckdb", state / "cuts", "first")

    command = [sys.executable, "-m", "reconcile.train", tmp_path, "--entity", "worker", "--json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["worker"]

    assert said["records"] == 120
    assert matching.read("worker", tmp_path / "identity").prior == round(said["prior"][1], 2)


@pytest.mark.parametrize("name", ["customer", "contact", "worker"])
def test_training_changes_the_numbers_of_a_file_and_nothing_else(name, tmp_path):
    text, how = (matching.FOLDER / f"{name}.yaml").read_text(), matching.read(name)
    levels = {
        each: [(0.5 + number / 100, 0.25) for number, _ in enumerate(comparison.levels)] for each, comparison in how.comparisons.items()
    }

    (tmp_path / f"{name}.yaml").write_text(train.written(text, splink_model.Trained(1, -7.5, levels)))

    after = matching.read(name, tmp_path)
    assert {each: [(level.m, level.u) for level in comparison.levels] for each, comparison in after.comparisons.items()} == levels
    assert (after.prior, after.link, after.key_sql()) == (-7.5, how.link, how.key_sql())
    blank = lambda said: re.sub(r"(m|u|prior): [-\d.e]+", r"\1:", said)
    assert blank((tmp_path / f"{name}.yaml").read_text()) == blank(text)


def test_a_firms_own_matching_holds_before_ours_and_changes_the_version_of_its_rules(tmp_path):
    (tmp_path / "concord.yaml").write_text(FIRM)
    before = rules.version(str(tmp_path))
    own = tmp_path / "identity" / "worker.yaml"
    own.parent.mkdir()
    own.write_text((matching.FOLDER / "worker.yaml").read_text().replace("link: 6.63", "link: 9.96"))
    for remembered in (rules.of, matching.read):
        remembered.cache_clear()

    assert rules.of(str(tmp_path)).matching("worker").link == 9.96
    assert rules.version(str(tmp_path)) != before


def test_a_matching_that_does_not_fit_is_refused_by_name(tmp_path):
    (tmp_path / "worker.yaml").write_text("keys: {}\nblocks: []\nlink: high\nreview: 0\nprior: 0\n")

    with pytest.raises(ConfigurationWrong, match="identity/worker.yaml"):
        matching.read("worker", tmp_path)
