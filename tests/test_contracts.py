"""Every cell of a contract, compiled: real rows through the real models, judged by the contract's own lines.

A cell is a kind of record that the contract tells apart: an entity, a state of its life cycle, a legal entity of ours. Each role
says something else on every field; the owner's value must survive, and exactly the mirrors are to be written.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import contract_firm
import pytest

from assets import sqlmesh_models
from hub import ownership, store
from hub.entity import Entity, all_entities

TODAY = datetime.now(UTC).date()
BOUND = f"""
customer:
  believe: [erp, crm]
  fields:
    legal_name:
      - {{owner: crm, while: prospect, mirror: clm}}
      - {{owner: erp, in: [DE01, UK01], while: [customer, closed], mirror: [crm, clm]}}
      - {{owner: clm, in: elsewhere, while: [customer, closed], mirror: crm}}
    website: [{{owner: crm, until: {TODAY}, mirror: erp}}, {{owner: erp, from: {TODAY}, mirror: crm}}]
    phone:
      - {{owner: crm, in: DE01, until: {TODAY + timedelta(days=1)}, mirror: erp}}
      - {{owner: erp, in: DE01, from: {TODAY + timedelta(days=1)}, mirror: crm}}
      - {{owner: clm, in: elsewhere, mirror: [crm, erp]}}
    credit_limit: [{{owner: erp, mirror: crm, in: DE01}}, {{owner: crm, mirror: erp, in: elsewhere}}]
contract:
  believe: [clm, erp]
  fields:
    title: [{{owner: erp, in: DE01, mirror: clm}}, {{owner: clm, in: elsewhere, mirror: erp}}]
    starts_on: {{owner: erp, mirror: clm}}
"""
CONTRACTS = {"the hub's own": "extends: hub", "the ERP owns contracts": "extends: erp_owns_contracts", "by legal entity and day": BOUND}
MADE = {
    "DATE": lambda nth: date(2026, 1, 1 + nth),
    "TIMESTAMP": lambda nth: datetime(2026, 1, 1 + nth),
    "BOOLEAN": lambda nth: nth % 2 == 1,
}


def as_list(said) -> list:
    return [said] if isinstance(said, (str, dict)) else said


def legal_entities(spec: dict) -> list[str]:
    rules = [rule for rules in spec.get("fields", {}).values() for rule in as_list(rules)]
    return sorted({each for rule in rules for each in as_list(rule.get("in", []))} - {"elsewhere"})


def cells(name: str, spec: dict) -> list[tuple[str, str | None, str | None]]:
    """(hub id, state, legal entity) of a thing of each kind that the contract tells apart."""
    found = product(all_entities()[name].life_cycle or [None], [*legal_entities(spec), "XX99", None])
    return [
        (f"{name}/{state}/{legal_entity}", state, legal_entity)
        for state, legal_entity in found
        if legal_entity is None or "legal_entity" in all_entities()[name].fields
    ]


def rule_for(rules, state: str | None, legal_entity: str | None) -> dict:
    """The line of the contract that is about such a record today, as a person reads it."""
    named = {each for rule in rules for each in as_list(rule.get("in", []))}
    holding = [
        rule
        for rule in rules
        if state in as_list(rule.get("while", [state]))
        and ("in" not in rule or (legal_entity not in named if rule["in"] == "elsewhere" else legal_entity in as_list(rule["in"])))
        and rule.get("from", TODAY) <= TODAY < rule.get("until", date.max)
    ]
    (only,) = holding
    return only


def value(kind: str, column: str, role: str, nth: int):
    if kind.startswith(("DECIMAL", "BIGINT")):
        return Decimal(nth) / 100 if kind == "DECIMAL(9,6)" else Decimal(100 + nth)
    return MADE.get(kind, lambda _: f"{role} {column}")(nth)


def rows(entity: Entity, spec: dict, roles: list[str]) -> list[dict]:
    """A record in each role for each cell, and what it says: something of its own on every field."""
    found = []
    for (hub_id, state, legal_entity), (nth, role) in product(cells(entity.entity, spec), enumerate(roles)):
        fixed = {"life_cycle": state, "legal_entity": legal_entity}
        said = {
            column: fixed.get(name, value(kind, column, role, nth))
            for name, field in entity.fields.items()
            if field.to is None
            for column, kind in field.columns(name).items()
        }
        found.append(said | {"record_ref": f"{role}:{entity.entity}:{hub_id}", "role": role, "hub_id": hub_id})
    return found


@pytest.fixture(scope="module", params=CONTRACTS.values(), ids=CONTRACTS)
def told(request, tmp_path_factory):
    """(the contract as it is written, its roles, the hub with what comes of it, its models)."""
    firm = contract_firm.make(tmp_path_factory.mktemp("contract") / "firm", request.param)
    said = ownership.extended("ownership.yaml", request.param)
    roles, models = contract_firm.roles(said), sqlmesh_models.compiled(firm)
    with store.writing(firm.hub_file) as connection:
        contract_firm.fill(connection, models, {name: rows(all_entities()[name], spec, roles) for name, spec in said.items()})
        yield said, roles, connection, models


def judged(said: dict):
    """(entity, its contract, field, hub id, state, legal entity, the rule) for each cell of each field that has rules of its own."""
    for name, spec in said.items():
        for field, rules in spec.get("fields", {}).items():
            for hub_id, state, legal_entity in cells(name, spec):
                yield name, field, hub_id, rule_for(as_list(rules), state, legal_entity)


def test_the_golden_value_is_the_owners_in_every_cell(told):
    said, _, connection, _ = told
    found = {
        (name, field, hub_id): given
        for name, spec in said.items()
        for field in spec.get("fields", {})
        for hub_id, given in connection.execute(f"SELECT hub_id, {field}_from FROM golden.{name}").fetchall()
    }

    owned = {
        (name, field, hub_id): f"{rule['owner']}:{name}:{hub_id}"
        for name, field, hub_id, rule in judged(said)
        if rule["owner"] != "furthest"
    }

    assert {key: found[key] for key in owned} == owned
    assert len(owned) > 10


def test_every_mirror_is_to_be_written_in_every_cell_and_nobody_else(told):
    said, roles, connection, _ = told
    lines = connection.execute("SELECT entity, field, hub_id, system FROM outbound.delta WHERE action = 'update'").fetchall()

    wanted = {
        (name, field, hub_id, mirror)
        for name, field, hub_id, rule in judged(said)
        for mirror in as_list(rule.get("mirror", []))
        if field not in ("life_cycle", "legal_entity") and not is_equal(name, field, rule["owner"], mirror, roles)
    }

    assert set(lines) == wanted
    assert len(lines) == len(wanted) > 10


def is_equal(name: str, field: str, owner: str, mirror: str, roles: list[str]) -> bool:
    """Whether the two roles happen to say the same: there are but two truths."""
    says = lambda role: [
        value(kind, column, role, roles.index(role)) for column, kind in all_entities()[name].fields[field].columns(field).items()
    ]
    return says(owner) == says(mirror)


TERMS = "SELECT system, payment_terms FROM canonical.contract ORDER BY system"


@pytest.mark.parametrize(("view", "owner", "written"), [("hub", "clm", "erp"), ("erp_owns_contracts", "erp", "clm")])
def test_firms_disagree_on_who_owns_contracts_and_come_to_rest_either_way(tmp_path, view, owner, written):
    firm, says = contract_firm.make(tmp_path / "firm", f"extends: {view}"), {"clm": "net_30", "erp": "net_60"}
    records = [
        {"record_ref": f"{role}:contract:1", "role": role, "hub_id": "K-1", "status": "signed", "payment_terms": terms}
        for role, terms in says.items()
    ]
    models = sqlmesh_models.compiled(firm)
    with store.writing(firm.hub_file) as connection:
        contract_firm.fill(connection, models, {"contract": records})
        lines = connection.execute("SELECT system, field, want ->> 'payment_terms' FROM outbound.delta").fetchall()
        contract_firm.carry_out(connection, models)

        assert lines == [(written, "payment_terms", says[owner])]
        assert connection.execute(TERMS).fetchall() == [("clm", says[owner]), ("erp", says[owner])]
        assert connection.execute("SELECT * FROM outbound.delta").fetchall() == []


def test_once_every_correction_is_carried_out_no_contract_asks_for_another(told):
    _, _, connection, models = told

    contract_firm.carry_out(connection, models)

    assert connection.execute("SELECT * FROM outbound.delta WHERE action = 'update'").fetchall() == []
