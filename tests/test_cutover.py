"""A cut-over from one system of a role to the next: who gives values, who is asked to hold a record, who is written to."""

import re
from datetime import date

import contract_firm
import pytest
import yaml

from assets import sqlmesh_models
from hub import firm as firms, ownership, rules, store
from hub.entity import all_entities
from hub.errors import ConfigurationWrong
from reconcile import plan, touched, why_write

CONTRACT = """
cutover:
  erp:
    - {system: newerp, in: DE01, from: 2026-07-01}
    - {system: olderp, else: true}
project:
  believe: [psa, erp]
  must_exist: {erp: "status = 'active'"}
  fields:
    name: {owner: psa, else: erp, mirror: erp}
    hourly_rate: {owner: erp, mirror: psa}
time_entry:
  believe: [psa, erp]
  must_exist: {erp: "status = 'approved'"}
  fields:
    note: {owner: psa, mirror: erp}
"""
ERPS = {"erp": ["olderp", "newerp"]}
OLD, NEW = date(2026, 6, 30), date(2026, 7, 1)


def project(ref: str, hub_id: str, legal_entity: str | None, starts_on: date | None, name: str = "Roof", rate: int | None = None) -> dict:
    said = {"legal_entity": legal_entity, "starts_on": starts_on, "name": name, "status": "active", "hourly_rate": rate}
    return {"record_ref": ref, "role": "psa" if ref.startswith("psa") else "erp", "hub_id": hub_id} | said


def entry(number: int, project_ref: str | None) -> dict:
    return {
        "record_ref": f"psa:time_entry:{number}",
        "role": "psa",
        "hub_id": f"T-{number}",
        "status": "approved",
        "project_ref": project_ref,
    }


PROJECTS = [
    project("psa:project:1", "in both", "DE01", NEW),
    project("olderp:project:1", "in both", "DE01", NEW, "Old name", 80),
    project("newerp:project:1", "in both", "DE01", NEW, "New name", 100),
    project("psa:project:2", "begun before", "DE01", OLD),
    project("olderp:project:2", "begun before", "DE01", OLD, "Old name", 80),
    project("psa:project:3", "nowhere yet", "DE01", NEW),
    project("psa:project:4", "of another", "US01", NEW),
    project("psa:project:5", "without a day", "DE01", None),
    project("psa:project:6", "still in the old", "DE01", NEW),
    project("olderp:project:6", "still in the old", "DE01", NEW, "Old name", 80),
]
ENTRIES = [entry(1, "psa:project:1"), entry(2, "psa:project:2"), entry(3, None)]


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    return contract_firm.make(tmp_path_factory.mktemp("cutover") / "firm", CONTRACT, ERPS)


@pytest.fixture(scope="module")
def hub(firm):
    with store.writing(firm.hub_file) as connection:
        contract_firm.fill(connection, sqlmesh_models.compiled(firm), {"project": PROJECTS, "time_entry": ENTRIES})
        yield connection


def test_the_legal_entity_and_the_day_of_a_record_tell_which_system_plays_the_role(hub):
    assert dict(hub.execute("SELECT hub_id, erp_system FROM golden.project").fetchall()) == {
        "in both": "newerp",
        "begun before": "olderp",
        "nowhere yet": "newerp",
        "of another": "olderp",
        "without a day": "olderp",
        "still in the old": "newerp",
    }


def test_the_system_that_plays_the_role_is_believed_first_and_the_other_while_it_says_nothing(hub):
    found = dict(hub.execute("SELECT hub_id, hourly_rate_from FROM golden.project WHERE hourly_rate IS NOT NULL").fetchall())

    assert found == {"in both": "newerp:project:1", "begun before": "olderp:project:2", "still in the old": "olderp:project:6"}


def test_a_record_is_created_where_it_belongs_and_nowhere_else(hub):
    created = hub.execute("SELECT hub_id, system FROM outbound.delta WHERE action = 'create' AND entity = 'project'").fetchall()

    assert sorted(created) == [
        ("nowhere yet", "newerp"),
        ("of another", "olderp"),
        ("still in the old", "newerp"),
        ("without a day", "olderp"),
    ]


def test_the_system_that_does_not_play_the_role_is_never_written_to(hub):
    written = hub.execute("SELECT hub_id, system, field FROM outbound.delta WHERE action = 'update'").fetchall()

    assert sorted(written) == [
        ("begun before", "olderp", "name"),
        ("begun before", "psa", "hourly_rate"),
        ("in both", "newerp", "name"),
        ("in both", "psa", "hourly_rate"),
        ("still in the old", "psa", "hourly_rate"),
    ]


def test_why_the_other_system_is_not_written_to_is_told(hub, firm):
    plan.lay(hub)

    why = why_write.asked(hub, ["olderp:project:1", "name"], rules.of(str(firm.folder))).rule

    assert (why.name, why.says) == ("not_played", "newerp plays erp for it, not olderp (cutover); the other is never written")


def test_what_has_no_legal_entity_goes_where_that_goes_which_it_follows(hub):
    created = hub.execute("SELECT hub_id, system FROM outbound.delta WHERE action = 'create' AND entity = 'time_entry'").fetchall()

    assert sorted(created) == [("T-1", "newerp"), ("T-2", "olderp"), ("T-3", "olderp")]


def test_what_follows_a_project_is_looked_at_again_when_the_project_changes(hub, firm):
    hub.execute("CREATE OR REPLACE TEMP TABLE old_tie (record_ref VARCHAR, hub_id VARCHAR)")
    hub.execute("DELETE FROM work.touched; INSERT INTO work.touched_record VALUES ('psa:project:1', 'update')")

    touched.touch(hub, rules.of(str(firm.folder)))

    assert hub.execute("SELECT hub_id FROM work.touched ORDER BY 1").fetchall() == [("T-1",), ("in both",)]


def test_the_version_of_the_rules_changes_on_the_day_of_the_cut_over(firm):
    versions = [rules.version(str(firm.folder.resolve()), day) for day in (date(2026, 6, 29), OLD, NEW, date(2026, 11, 21))]

    assert versions[0] == versions[1] != versions[2] == versions[3]


def line(system: str, **bounds) -> dict:
    return {"system": system, **bounds}


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            [line("a", **{"in": "DE01"}), line("b", **{"in": ["DE01", "UK01"], "from": NEW}), line("c", **{"else": True})],
            "a record in DE01 on 2026-07-01 has two destinations: a (line 1), b (line 2)",
        ),
        (
            [line("a", **{"from": NEW}), line("b", until=date(2026, 7, 2)), line("c", **{"else": True})],
            "has two destinations: a (line 1), b (line 2)",
        ),
        ([line("a", **{"in": "DE01"})], "goes nowhere, or to two"),
        ([line("a", **{"else": True}), line("b", **{"else": True})], "goes nowhere, or to two"),
        ([line("a"), line("b", **{"else": True})], "a: say `in`, `from`, `until`, or `else: true`"),
    ],
)
def test_two_destinations_or_none_are_refused_with_a_record_that_would_have_them(lines, why):
    with pytest.raises(ConfigurationWrong, match=re.escape(why)):
        ownership.parse("ownership.yaml", yaml.safe_dump({"cutover": {"erp": lines}}))


def prove(tmp_path, text: str) -> None:
    """Read the rules of the firm with another contract."""
    contract_firm.write(tmp_path / "firm", text, ERPS)
    rules.of(str(tmp_path / "firm"))


def test_two_systems_of_one_role_are_refused_where_nothing_tells_which_takes_a_record(tmp_path):
    without_cutover = yaml.safe_dump({name: said for name, said in yaml.safe_load(CONTRACT).items() if name != "cutover"})

    with pytest.raises(ConfigurationWrong, match="project: one that erp must hold has two destinations: olderp, newerp"):
        prove(tmp_path, without_cutover)


def test_a_destination_that_is_no_system_of_the_firm_is_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="cutover erp: no system megaerp plays erp"):
        prove(tmp_path, CONTRACT.replace("newerp", "megaerp"))


def test_a_destination_that_holds_no_such_records_is_refused(tmp_path):
    contract_firm.write(tmp_path / "firm", CONTRACT, ERPS)
    alone = contract_firm.system("newerp", "erp", [all_entities()["project"]])
    (tmp_path / "firm" / "newerp" / "system.yaml").write_text(yaml.safe_dump(alone))

    with pytest.raises(ConfigurationWrong, match="time_entry that goes to newerp has no destination"):
        rules.of(str(firms.read(tmp_path / "firm").folder))
