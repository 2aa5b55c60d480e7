"""A system.yaml is guessed from the files of a folder; what could be read two ways is left to a person."""

import pytest
import yaml
from drops import put

from hub import entity, mapping, matching
from hub.column import Column
from hub.errors import ConfigurationWrong
from hub.systems.connector import Connection
from hub.systems.files import connector
from hub.systems.files.guess import guess, system
from hub.systems.files.simulator import Simulator
from hub.systems.simulator import Clock


def test_a_german_customer_export_is_recognised(folder):
    path = put(
        folder,
        "Kunden_2026-11-20.csv",
        "Kunden-Nr.;Firma;Straße;PLZ;Ort;Land;USt-IdNr.;Zahlungsziel;E-Mail;Betreuer\n"
        "00101;Müller GmbH;Hauptstr. 1;01067;Dresden;DE;DE811234567;30 days;a@mueller.example;Jo\n"
        "00102;Schmidt AG;Ring 2;50667;Köln;DE;;60 days;;Jo\n".encode("cp1252"),
    )

    assert guess(path) == {
        "is": "customer",
        "key": "Kunden-Nr.",
        "read": {"pattern": "Kunden*.csv", "encoding": "cp1252", "delimiter": ";"},
        "fields": {
            "legal_name": "Firma",
            "tax_id": "USt-IdNr.",
            "email": "E-Mail",
            "billing_address": {"street": "Straße", "city": "Ort", "postcode": "PLZ", "country": "Land"},
            "payment_terms": {"from": "Zahlungsziel", "codes": {"30 days": "net_30", "60 days": "net_60"}},
        },
    }


def test_an_english_time_sheet_without_a_key_gets_two_columns_as_one(folder):
    path = put(
        folder,
        "timesheets.csv",
        "Employee ID,Date,Hours,Billable,Description\n7,21/11/2026,7.5,yes,Design\n7,20/11/2026,8,no,\n8,21/11/2026,8,yes,Design\n",
    )

    assert guess(path) == {
        "is": "time_entry",
        "key": "Employee ID|Date",
        "read": {"pattern": "timesheets*.csv", "delimiter": ",", "key": ["Employee ID", "Date"]},
        "fields": {
            "worked_on": {"from": "Date", "format": "%d/%m/%Y"},
            "hours": "Hours",
            "note": "Description",
            "is_billable": {"from": "Billable", "codes": {"no": "false", "yes": "true"}},
        },
    }


def test_a_code_that_nobody_knows_and_a_number_with_a_comma_are_left_to_a_person(folder):
    path = put(folder, "projects.csv", "Project No;Project Name;Status;Budget;Currency;Start\nP1;Rollout;17;1.200,50;EUR;01.02.2026\n")

    assert guess(path)["fields"] == {"code": "Project No", "name": "Project Name", "starts_on": {"from": "Start", "format": "%d.%m.%Y"}}


def test_a_yes_or_no_in_another_language_has_a_way_back():
    each = mapping.Object.model_validate(
        {
            "name": "times",
            "is": "time_entry",
            "key": "No",
            "fields": {"is_billable": {"from": "Abrechenbar", "codes": {"ja": "true", "nein": "false"}}},
        }
    )

    said = [mapping.outward(each, {"is_billable": value}) for value in (True, False, None)]

    assert said == [{"Abrechenbar": "ja"}, {"Abrechenbar": "nein"}, {"Abrechenbar": None}]


def test_a_date_that_could_be_read_two_ways_is_left_to_a_person(folder):
    path = put(folder, "projects.csv", "Project No,Project Name,Start,End\nP1,Rollout,01/02/2026,12/31/2026\n")
    short = put(folder, "orders.csv", "Project No,Project Name,Start\nP1,Rollout,01.02.26\n")

    assert guess(path)["fields"] == {"code": "Project No", "name": "Project Name", "ends_on": {"from": "End", "format": "%m/%d/%Y"}}
    assert guess(short)["fields"]["starts_on"] == {"from": "Start", "format": "%d.%m.%y"}


def test_every_entity_is_known_by_our_own_words(folder):
    path = put(folder, "credit_memos.csv", "Number,Invoice,Reason,Amount,Amount Currency,Issued On\nCM-1,R-1,?,10.00,EUR,2026-11-02\n")

    assert guess(path, {"invoice": "invoices"})["is"] == "credit_memo"


def test_synonyms_are_for_fields_that_exist():
    written = yaml.safe_load((mapping.FOLDER / "files" / "synonyms.yaml").read_text())
    assert written.pop("beside").keys() == {name for known in ("contact", "worker") for name in matching.read(known).beside}
    for name, known in written.items():
        fields = entity.all_entities()[name].fields
        for path in known["fields"]:
            field, _, part = path.partition(".")
            assert part in entity.TYPES[fields[field].type], f"{name} {path}"


def test_what_fits_no_entity_or_has_no_key_is_refused(folder):
    with pytest.raises(ConfigurationWrong, match="fit no entity"):
        guess(put(folder, "weather.csv", "Station,Rain\n1,2\n"))
    with pytest.raises(ConfigurationWrong, match="tell its records apart"):
        guess(put(folder, "customers.csv", "Name,City\nA,Bonn\nA,Bonn\n"))


def test_a_whole_folder_becomes_a_system_that_loads_and_reads(folder, tmp_path):
    simulator = Simulator(Clock())
    customer = simulator.tables["customers"].create({"Name": "Example GmbH", "City": "Bonn", "Status": "customer", "Terms": "net_30"})
    simulator.tables["contacts"].create({"Name": "Erika Example", "Customer No": customer})
    simulator.publish(folder)
    (tmp_path / "old").mkdir()
    described = tmp_path / "old" / "system.yaml"

    described.write_text(yaml.safe_dump(system(folder, "old", "legacy"), sort_keys=False))

    loaded = mapping.read(described)
    assert {name: (each.of, each.key) for name, each in loaded.objects.items()} == {
        "contacts": ("contact", "Contact No"),
        "customers": ("customer", "Customer No"),
    }
    assert loaded.objects["contacts"].fields["customer"][""] == Column(source="Customer No", object="customers")
    files = connector.connect(loaded, Connection(str(folder)))
    assert [len(page.rows) for each in loaded.objects.values() for page in files.read(each, None)] == [1, 1]
