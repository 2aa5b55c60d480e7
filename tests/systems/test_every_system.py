"""What every system's folder keeps; a new system is tested the moment its folder exists."""

import importlib
from datetime import date, datetime
from decimal import Decimal

import pytest

from hub import entity, mapping, nested
from hub.twin.twin import SYSTEMS

FOLDERS = sorted(path.parent.name for path in mapping.FOLDER.glob("*/system.yaml"))
SIMULATED = [name for name in FOLDERS if (mapping.FOLDER / name / "simulator.py").exists()]
VALUES = {"DATE": date(2026, 3, 9), "TIMESTAMP": datetime(2026, 3, 9, 10, 30), "BOOLEAN": True, "BIGINT": 7}


def system(name):
    return mapping.read(mapping.FOLDER / name / "system.yaml")


def objects(names):
    return [pytest.param(name, each, id=f"{name}-{each.name}") for name in names for each in system(name).objects.values()]


def sample(each):
    """A value of each column that can be written, {canonical column: value}; references are left out."""
    found = {}
    for column, (kind, mapped) in each.columns().items():
        if mapped.goes_back and not mapped.object:
            found[column] = (
                next(iter(mapped.codes.values()))
                if mapped.codes
                else VALUES.get(kind) or (Decimal("12.50") if "DECIMAL" in kind else f"x{len(found)}")
            )
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_has_a_connector_and_says_what_it_is_modelled_on(name):
    module = importlib.import_module(f"hub.systems.{name}.connector")

    assert callable(module.connect)
    assert module.__doc__
    assert (mapping.FOLDER / name / "system.yaml").read_text().startswith("#")


@pytest.mark.parametrize(("name", "each"), objects(FOLDERS))
def test_every_reference_points_at_an_object_that_is_that_entity(name, each):
    fields = entity.all_entities()[each.of].fields
    targets = {field: parts[""].object for field, parts in each.fields.items() if fields[field].type == "reference"}

    assert {field: system(name).objects[target].of for field, target in targets.items()} == {field: fields[field].to for field in targets}


@pytest.mark.parametrize(("name", "each"), objects(FOLDERS))
def test_what_goes_out_comes_from_the_fields_that_are_read(name, each):
    body = mapping.outward(each, sample(each), system(name).nested)
    promised = each.source_fields()

    assert [column for column in sample(each) if each.columns()[column][1].source not in promised] == []
    assert all(nested.get(body, each.columns()[column][1].source, system(name).nested) is not None for column in sample(each))


def test_every_simulator_is_part_of_the_invented_firm():
    assert sorted(SYSTEMS) == SIMULATED  # and tests/test_twin_served.py reads each of them to the end
