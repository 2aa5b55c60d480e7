"""What a changed rule would do is told before it is in force, and is then what happens, row for row."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from small_firm import Small

from assets import correct, publishing, what_if
from hub import firm, matching, ownership, rules
from hub.errors import ConfigurationWrong
from reconcile.prediction import Prediction

LINE = "SELECT line_id, hub_id, field, base, want, hold, status FROM work.plan_line ORDER BY ALL"
CELL = "SELECT entity, hub_id, field, value FROM golden.cell WHERE is_winner ORDER BY ALL"
TIE = "SELECT record_ref, hub_id FROM journal.crossref ORDER BY ALL"


@pytest.fixture
def small(tmp_path):
    """Alpha says another website in finance, Beta's two records are alike only by name and street, Gamma's two were told apart by a steward."""
    small = Small(tmp_path / "firm")
    small.say("crm:Account:1", Name="Alpha GmbH", Website="alpha.example", Phone="+49 30 1234567")
    small.say("erp:Customer:1", Name="Alpha GmbH", Vat="DE129273398", Website="alpha-group.example", Phone="+49 30 1234567")
    small.say("crm:Account:2", Name="Beta Beratung GmbH", Phone="+49 30 7654321", Street="Am Markt 5", Zip="10117")
    small.say("erp:Customer:2", Name="Beta Consulting GmbH", Phone="+49 30 7654321", Street="Am Markt 5", Zip="10117")
    small.say("crm:Account:3", Name="Gamma Partner GmbH", Street="Ring 1", Zip="20095", Phone="+49 40 1111111")
    small.say("erp:Customer:3", Name="Gamma Haus GmbH", Street="Ring 1", Zip="20095", Phone="+49 40 1111111")
    small.note(
        "match.decided",
        "crm:Account:3 erp:Customer:3",
        entity="customer",
        left_ref="crm:Account:3",
        right_ref="erp:Customer:3",
        verdict="different",
    )
    small.turn()
    correct.make_plan(small.firm, small.journal)
    publishing.publish(small.firm, small.journal)
    yield small
    small.journal.close()


@pytest.fixture
def finance_owns_websites(tmp_path):
    said = yaml.safe_load(ownership.FILE.read_text())
    said["customer"]["fields"]["website"] = {"owner": "erp", "else": "crm", "mirror": "crm"}
    return written(tmp_path / "ownership.yaml", said)


@pytest.fixture
def little_evidence_is_enough(tmp_path):
    said = yaml.safe_load((Path(matching.__file__).parent / "identity" / "customer.yaml").read_text())
    return written(tmp_path / "customer.yaml", said | {"link": -6, "review": -9, "needs": []})


def written(file: Path, said: object) -> Path:
    file.write_text(yaml.safe_dump(said, sort_keys=False))
    return file


def state(small: Small) -> list[set[tuple]]:
    return [set(small.hub(query)) for query in (LINE, CELL, TIE)]


def promote(small: Small, name: str, file: Path) -> None:
    """Put a file of rules in its place, and turn without reading anything anew."""
    (small.firm.folder / name).parent.mkdir(exist_ok=True)
    shutil.copyfile(file, small.firm.folder / name)
    with (small.firm.folder / "concord.yaml").open("a") as settings:
        settings.write("ownership: ownership.yaml\n" if name == "ownership.yaml" else "")
    rules.on_day.cache_clear()
    matching.read.cache_clear()
    small.firm = replace(firm.read(small.firm.folder), systems=small.firm.systems)
    small.turn()
    correct.make_plan(small.firm, small.journal)


def came_true(found: Prediction, before: list[set[tuple]], after: list[set[tuple]]) -> bool:
    """Whether the lines and golden values that were predicted to change are those that did, to what was told."""
    line = lambda each: tuple(each[name] for name in ("line_id", "hub_id", "field", "base", "want", "hold", "status"))
    cells = lambda side: {(each["entity"], each["hub_id"], each["field"], each[side]) for each in found.cells if each[side] is not None}
    gone = {row[0] for row in before[0]} - {row[0] for row in after[0]}
    return (
        {line(each) for each in found.lines if each["what"] != "leaves"} == after[0] - before[0]
        and {each["line_id"] for each in found.lines if each["what"] == "leaves"} == gone
        and cells("after") == after[1] - before[1]
        and cells("before") == before[1] - after[1]
    )


def test_what_is_predicted_of_another_ownership_is_what_its_promotion_does_row_for_row(small, finance_owns_websites):
    before = state(small)

    found = what_if.predict(small.firm, small.journal, finance_owns_websites)

    assert state(small) == before
    promote(small, "ownership.yaml", finance_owns_websites)
    assert came_true(found, before, state(small))
    assert [(each["field"], each["before"], each["after"]) for each in found.cells] == [("website", "alpha.example", "alpha-group.example")]
    assert {(each["what"], each["system"], each["field"]) for each in found.lines} == {
        ("comes", "crm", "website"),
        ("leaves", "erp", "website"),
    }
    assert {(each["system"], each["today"], each["then"]) for each in found.writes} == {("crm", 1, 2), ("erp", 1, 0)}


def test_what_is_predicted_of_another_matching_is_what_its_promotion_does_row_for_row(small, little_evidence_is_enough):
    before, ties = state(small), small.ties()

    found = what_if.predict(small.firm, small.journal, little_evidence_is_enough)

    promote(small, "identity/customer.yaml", little_evidence_is_enough)
    assert came_true(found, before, state(small))
    assert [each["were"] for each in found.merges] == [sorted({ties["crm:Account:2"], ties["erp:Customer:2"]})]
    assert len(set(small.ties().values())) == len(set(ties.values())) - 1
    [word] = found.contradicted
    assert (word["left_ref"], word["verdict"], word["says"]) == ("crm:Account:3", "different", "link")


def test_rules_that_change_nothing_predict_nothing(small, tmp_path):
    found = what_if.predict(small.firm, small.journal, written(tmp_path / "ownership.yaml", yaml.safe_load(ownership.FILE.read_text())))

    assert found.is_empty and all(each["today"] == each["then"] for each in found.writes)


def test_a_policy_that_would_approve_tells_which_lines_no_longer_wait(small, tmp_path):
    taxes = {"name": "tax numbers", "version": 1, "why": "Finance knows them.", "fields": ["tax_id"], "limit": {"classes": ["sensitive"]}}

    found = what_if.predict(small.firm, small.journal, written(tmp_path / "policies.yaml", [taxes]))

    assert [(each["what"], each["field"], each["was"], each["status"]) for each in found.lines] == [
        ("is otherwise", "tax_id", "needs_consent", "approved")
    ]


def test_the_other_view_of_who_owns_contracts_can_be_tried(small, tmp_path):
    found = what_if.predict(small.firm, small.journal, written(tmp_path / "ownership.yaml", {"extends": "erp_owns_contracts"}))

    assert not found.merges and all(each["entity"] == "customer" for each in found.lines)


def test_a_field_that_nobody_read_yet_is_named(small, tmp_path):
    text = (small.firm.folder / "crm" / "system.yaml").read_text()
    (tmp_path / "system.yaml").write_text(text.replace("industry: Industry", "industry: Sector"))

    assert what_if.unread(small.firm, tmp_path / "system.yaml") == ["crm Account Sector"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("customer: [", "name a YAML file"), ("colour: red", "is no ownership"), ("link: 3", "call it ENTITY"), ("system: sap", "0 systems")],
)
def test_a_file_that_holds_no_rules_is_refused_with_what_it_should_be(small, tmp_path, text, says):
    (tmp_path / "some.yaml").write_text(text)

    with pytest.raises(ConfigurationWrong, match=says):
        what_if.predict(small.firm, small.journal, tmp_path / "some.yaml")


def test_the_command_tells_it_as_json_and_in_words(small, tmp_path):
    command = [Path(sys.executable).parent / "hub", "plan", "--what-if", written(tmp_path / "policies.yaml", []), "-p", small.firm.folder]

    told, said = (subprocess.run([*command, *more], capture_output=True, text=True, check=False) for more in (["--json"], []))

    found = json.loads(told.stdout)
    assert told.returncode == said.returncode == 0, told.stderr
    assert found["cells"] == found["merges"] == [] and "0 would be others" in said.stdout
