"""The twin, served: its systems' own connectors read over HTTP and from files what the twin says is there."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from assets.observe import observe
from hub import firm, journal, mapping, nested
from hub.twin.seeding import all_writable
from hub.twin.twin import SYSTEMS, Twin


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    twin = Twin()
    twin.start()
    twin.write_project(tmp_path_factory.mktemp("firm"))
    yield twin
    twin.stop()


@pytest.fixture(scope="module")
def read(twin):
    """Every record as its connector reads it, {record_ref: row}; those without a key under their place."""
    found = {}
    for name, member in firm.read(twin.folder).systems.items():
        connector = member.connect()
        for each in member.system.objects.values():
            pages = list(connector.read(each, None))
            assert pages[-1].last
            for number, row in enumerate(row for page in pages for row in page.rows):
                key = nested.get(row, each.key, member.system.nested) or f"row {number}"
                found[f"{name}:{each.name}:{key}"] = row
        connector.close()
    return found


def test_every_record_is_read_and_linked_to_its_truth(twin, read):
    keyless = {ref for ref in read if ":row " in ref}

    assert {ref for links in twin.links.values() for ref in links} == read.keys() - keyless
    assert len(keyless) == 1


def test_every_planted_value_is_what_the_system_says(twin, read):
    planted = [each for each in twin.planted if each.field]

    wrong = [(each, _said(twin, read, each)) for each in planted if _said(twin, read, each) != _sent(twin, each)]
    assert wrong == []


def _said(twin, read, planted):
    system = twin.systems[planted.system]
    column = system.objects[planted.object].columns()[planted.field][1]
    row = read[f"{planted.system}:{planted.object}:{twin.seeding.ids[planted.system, planted.entity, planted.truth_id, 0]}"]
    return _plain(nested.get(row, column.source, system.nested))


def _sent(twin, planted):
    if planted.kind in ("contract_fault", "orphan_reference"):
        return _plain(planted.said)
    system = twin.systems[planted.system]
    each = all_writable(system.objects[planted.object])
    body = mapping.outward(each, {planted.field: planted.said}, system.nested)
    return _plain(nested.get(body, each.columns()[planted.field][1].source, system.nested))


def _plain(value):
    """Numbers may be sent as numbers or as text."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def test_exactly_the_rows_with_planted_faults_go_into_quarantine(twin):
    integrated = firm.read(twin.folder)
    with journal.open(integrated.journal) as kept:
        troubles = [trouble for name in integrated.systems for trouble in observe(integrated, name, kept).troubles]

    faults = [each for each in twin.planted if each.kind == "contract_fault"]
    refs = {f"{each.system} {each.object} {twin.seeding.ids[each.system, each.entity, each.truth_id, 0]}" for each in faults if each.field}
    assert {trouble.about for trouble in troubles} == {*refs, "files customers (no key)"}


def test_what_is_planted_as_missing_is_not_there(twin):
    missing = [each for each in twin.planted if each.kind == "missing_counterpart"]

    assert missing
    assert not [each for each in missing if (each.system, each.entity, each.truth_id, 0) in twin.seeding.ids]


def test_every_kind_of_difference_is_planted(twin):
    kinds = {each.kind for each in twin.planted}

    assert kinds == {
        "value_differs",
        "missing_counterpart",
        "duplicate",
        "orphan_reference",
        "sum_differs",
        "posted_differs",
        "contract_fault",
    }


def test_what_people_misspell_is_listed_apart_from_what_is_planted(twin):
    cells = [(each.system, each.truth_id, each.field) for each in twin.noise]

    assert {each.entity for each in twin.noise} == {"customer", "contact", "worker"}
    assert not set(cells) & {(each.system, each.truth_id, each.field) for each in twin.planted}


def test_customers_are_known_to_every_system_but_personnel(twin):
    known = {ref.split(":")[0] for ref in twin.links["customer"]}

    assert known == set(SYSTEMS) - {"bamboohr"}


def test_links_that_are_right_score_one_and_those_that_are_not_score_less(twin):
    right = twin.links
    all_in_one = {entity: dict.fromkeys(links, "H-1") for entity, links in right.items()}
    none = {entity: {ref: ref for ref in links} for entity, links in right.items()}

    assert set(twin.score(right)["customer"].items()) == {("precision", 1.0), ("recall", 1.0)}
    assert twin.score(all_in_one)["customer"]["recall"] == 1.0
    assert twin.score(all_in_one)["customer"]["precision"] < 0.05
    assert twin.score(none)["customer"] == {"precision": 1.0, "recall": 0.0}


def test_secrets_are_not_in_the_project_file(twin):
    written = (twin.folder / "concord.yaml").read_text()

    values = [value for simulator in twin.simulators.values() for value in simulator.secrets.values()]
    assert values
    assert not any(value in written for value in values)


@pytest.fixture(scope="module")
def hashes():
    """What two processes with other hash seeds make of a seed: records at first and after four turns."""
    code = (
        "import hashlib, json, sys\n"
        "from hub.twin.twin import Twin\n"
        "twin = Twin(seed=11, scale=0.3)\n"
        "for turn in range(5):\n"
        "    if turn: print(json.dumps(twin.people_edit(turn)))\n"
        "    tables = {f'{n}:{o}': t.rows for n, s in twin.simulators.items() for o, t in s.tables.items()}\n"
        "    print(hashlib.sha256(json.dumps([tables, repr(twin.planted), twin.links], default=str).encode()).hexdigest())\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)  # noqa: S603
        for seed in ("1", "2")
    ]
    return [run.stdout for run in runs]


def test_two_processes_make_equal_twins_and_equal_edits(hashes):
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0].splitlines())) == 9


def test_what_people_change_is_in_their_system_and_what_lags_behind_is_listed():
    twin = Twin(seed=3, scale=0.3)
    before = set(map(repr, twin.planted))

    done = twin.people_edit(1)

    lagging = [each for each in twin.planted if repr(each) not in before]
    assert [sentence.rsplit(" ", 1)[0] for sentence in done] == [
        "a rep renamed account",
        "a controller changed the payment terms of",
        "a project manager moved the end of",
    ]
    assert {("salesforce", "legal_name"), ("salesforce", "payment_terms"), ("netsuite", "ends_on")} <= {
        (each.system, each.field) for each in lagging
    }
    assert all(_stored(twin, each) == _sent(twin, each) for each in lagging if each.system in ("salesforce", "netsuite"))


def test_a_merge_and_a_deletion_leave_no_links_behind():
    twin = Twin(seed=3, scale=0.3)
    before = twin.links

    for turn in (1, 2, 3):
        twin.people_edit(turn)

    lost = {entity: len(set(before[entity]) - set(links)) for entity, links in twin.links.items()}
    assert (lost["customer"], lost["contact"]) == (1, 1)
    assert len(twin.links["time_entry"]) - len(before["time_entry"]) == 20


def _stored(twin, planted):
    column = twin.systems[planted.system].objects[planted.object].columns()[planted.field][1]
    record_id = twin.seeding.ids[planted.system, planted.entity, planted.truth_id, 0]
    return _plain(nested.get(twin.simulators[planted.system].tables[planted.object].rows[record_id], column.source))


def test_the_twin_serves_until_it_is_stopped_and_can_be_steered(tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "hub.twin", str(tmp_path), "--scale", "0.2"], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        said = json.loads(process.stdout.readline())
        done = httpx.post(f"{said['control']}/people_edit", params={"turn": 1}, timeout=30).json()
        httpx.post(f"{said['control']}/fault", json={"system": "salesforce", "kind": "status", "argument": 418})

        assert len(done) >= 2
        assert httpx.get(said["systems"]["salesforce"]).status_code == 418
        assert firm.read(tmp_path).systems.keys() == set(SYSTEMS)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
