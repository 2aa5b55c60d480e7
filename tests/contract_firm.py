"""A firm made from a contract: each role that it names is a system that holds every entity, with every field, and takes every write.

Its records are put where captured ones lie, in the canonical words, so that a test says what is known and nothing has to be matched.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import polars as pl
import yaml

from assets import cycle, evaluation
from hub import firm, ownership
from hub.entity import Entity, all_entities


def make(folder: Path, text: str, several: Mapping[str, Sequence[str]] | None = None) -> firm.Firm:
    """The firm, with the contract of this text, its models compiled."""
    write(folder, text, several)
    made = firm.read(folder)
    cycle.prepare(made)
    return made


def write(folder: Path, text: str, several: Mapping[str, Sequence[str]] | None = None) -> None:
    """The project folder. several: {role: its systems}, for a role that more than one plays; else a system is called as its role is."""
    said = ownership.extended("ownership.yaml", text)
    entities = [all_entities()[name] for name in said if name in all_entities()]
    systems = {name: role for role in roles(said) for name in (several or {}).get(role, [role])}
    for name, role in systems.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "system.yaml").write_text(yaml.safe_dump(system(name, role, entities)))
    (folder / "ownership.yaml").write_text(text)
    members = {name: {"kind": f"./{name}", "url": "drop"} for name in systems}
    (folder / "concord.yaml").write_text(
        yaml.safe_dump({"firm": "Example Consulting", "ownership": "ownership.yaml", "systems": members}, sort_keys=False)
    )


def roles(said: dict) -> list[str]:
    """Every role that a contract names, in order."""
    found: dict[str, None] = {}
    for spec in (said[name] for name in said if name in all_entities()):
        lists = [spec["believe"], list(spec.get("must_exist", {}))]
        for rules in spec.get("fields", {}).values():
            for rule in rules if isinstance(rules, list) else [rules]:
                lists += [[rule["owner"]], rule.get("mirror", []), rule.get("else", [])]
        for each in lists:
            found |= dict.fromkeys([each] if isinstance(each, str) else each)
    return sorted(found.keys() - {"furthest"})


def fill(connection: duckdb.DuckDBPyConnection, models: list, records: Mapping[str, list[dict]]) -> None:
    """Make golden records, discrepancies and corrections of these records, {entity: rows of `record_ref`, `hub_id`, and what is said}."""
    for name, said in records.items():
        table = next(each.table for each in models if each.name == f"canonical.{name}")
        rows = [
            dict(zip(("system", "object", "record_id"), row["record_ref"].split(":", 2))) | row | {"entity": name, "is_live": True}
            for row in said
        ]
        connection.register("said", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * EXCLUDE (hub_id, entity) FROM said")
        connection.execute("INSERT INTO journal.crossref BY NAME SELECT record_ref, entity, hub_id FROM said")
    understand(connection, models)


def understand(connection: duckdb.DuckDBPyConnection, models: list) -> None:
    """Golden records, discrepancies and corrections, made anew."""
    made = [each for each in models if each.schema in ("golden", "discrepancy", "outbound")]
    for each in made:
        connection.execute(f"DELETE FROM {each.table}")
    evaluation.evaluate(connection, made, "golden", "discrepancy", "outbound", anew=True)


def carry_out(connection: duckdb.DuckDBPyConnection, models: list) -> None:
    """Let the systems take every correction of a field."""
    fields = connection.execute("SELECT DISTINCT entity, unnest(json_keys(want)) FROM outbound.delta WHERE action = 'update'").fetchall()
    for name, column in fields:
        table = next(each.table for each in models if each.name == f"canonical.{name}")
        kind = all_entities()[name].columns()[column]
        connection.execute(f"""
          UPDATE {table} AS c SET {column} = (d.want ->> '{column}')::{kind} FROM outbound.delta AS d
          WHERE d.action = 'update' AND c.system = d.system AND c.object = d.object AND c.record_id = d.record_id AND list_contains(json_keys(d.want), '{column}')""")
    understand(connection, models)


def system(name: str, role: str, entities: list[Entity]) -> dict:
    """A system that calls everything as the hub does."""
    objects = {
        each.entity: {
            "is": each.entity,
            "key": "Id",
            "write": {"update": True, "create": True},
            "fields": {name: spec(name, field) for name, field in each.fields.items() if field.to is None},
        }
        for each in entities
    }
    return {"system": name, "role": role, "connector": "files", "nested": False, "objects": objects}


def spec(name: str, field) -> dict[str, str]:
    parts = {column.removeprefix(name).strip("_"): column for column in field.columns(name)}
    return {part or "value": column for part, column in parts.items()}
