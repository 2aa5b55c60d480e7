"""The shipped example of a drop folder: what its simulator publishes is read, looked at, and never written."""

from hub import mapping
from hub.systems.connector import Connection, Write
from hub.systems.files import connector
from hub.systems.files.simulator import Simulator
from hub.systems.simulator import Clock

SHIPPED = mapping.read(mapping.FOLDER / "files" / "system.yaml")


def test_a_record_that_a_file_leaves_out_is_unknown_and_never_deleted(folder):
    simulator = Simulator(Clock())
    kept, left = (simulator.tables["customers"].create({"Name": name}) for name in ("Kept GmbH", "Left GmbH"))
    simulator.publish(folder)
    files = connector.connect(SHIPPED, Connection(str(folder)))
    simulator.tables["customers"].delete(left)
    simulator.publish(folder)

    seen = files.look(SHIPPED.objects["customers"], [kept, left])

    assert {key: found.state for key, found in seen.items()} == {kept: "there", left: "unknown"}
    (folder / "customers-2026-11-02.csv").unlink()
    assert files.look(SHIPPED.objects["customers"], [kept])[kept].state == "unknown"


def test_the_shipped_example_reads_what_its_simulator_publishes(folder):
    simulator = Simulator(Clock())
    stored = {"Name": "Müller; Söhne GmbH", "Zip": "01067", "Terms": "30", "Credit Limit": "12500.00", "Created On": "31.12.2019"}
    customer = simulator.tables["customers"].create(stored)
    simulator.tables["contacts"].create({"Name": "Erika Example", "Customer No": customer, "Phone": "=49", "Invoice Recipient": True})
    simulator.publish(folder)
    files = connector.connect(SHIPPED, Connection(str(folder), simulator.secrets))

    found = {name: [row for page in files.read(each, None) for row in page.rows] for name, each in SHIPPED.objects.items()}

    assert {key: value for key, value in found["customers"][0].items() if value} == {"Customer No": "001001"} | stored
    assert {key: value for key, value in found["contacts"][0].items() if value} == {
        "Contact No": "001001",
        "Customer No": "001001",
        "Name": "Erika Example",
        "Phone": "=49",
        "Invoice Recipient": "true",
    }


def test_a_file_is_never_written(folder):
    each = SHIPPED.objects["customers"]
    files = connector.connect(SHIPPED, Connection(str(folder)))

    (outcome,) = files.write(each, [Write("1", "update", "001001", "C-1", {"Name": "Other"})])

    assert (outcome.state, outcome.record_id) == ("rejected", "001001")
    assert "have it corrected where the files come from" in outcome.message
    assert files.find(each, ["C-1"]) == {}
    assert not folder.exists()
