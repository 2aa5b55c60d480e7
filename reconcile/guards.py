"""What finance forbids: each guard is SQL on the golden record; a line that it holds says why, and the lawful way."""

import re
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError

import hub
from hub import entity
from hub.errors import ConfigurationWrong

FILE = Path(hub.__file__).parent / "guards.yaml"

# One row a line that a guard holds, by the name that exceptions give it. A view, so that it is never behind what the systems said.
GUARDED = "CREATE OR REPLACE VIEW work.guarded AS SELECT about, min(says) AS says FROM ({held}) GROUP BY about"
HELD = """
SELECT concat_ws(' ', d.system, d.object, coalesce(d.record_id, d.hub_id), coalesce(d.field, 'create')) AS about, {says} AS says
FROM outbound.delta AS d
JOIN golden.{of} AS g ON g.hub_id = d.hub_id
JOIN work.role AS r ON r.system = d.system
WHERE d.entity = '{of}' AND r.role = '{role}' AND {lines} AND ({holds})"""
NOTHING = "SELECT NULL AS about, NULL AS says WHERE FALSE"
ROLE = """
CREATE OR REPLACE VIEW work.role AS
SELECT unnest(json_keys(roles)) AS system, roles ->> ('$."' || system || '"') AS role
FROM (SELECT body -> 'roles' AS roles FROM journal.event WHERE kind = 'controls.set' ORDER BY seq DESC LIMIT 1)"""


class Guard(BaseModel):
    """One thing that finance forbids."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str
    of: str
    role: str = Setting(alias="in")
    holds: str
    says: str
    instead: str
    needs: tuple[str, ...] = ()
    only: Literal["create", "update"] | None = None
    fields: tuple[str, ...] = ()

    @property
    def reads(self) -> frozenset[str]:
        """The columns of the record that it rests on."""
        return frozenset(re.findall(r"\bg\.(\w+)", self.holds))

    @property
    def reason(self) -> str:
        return f"{self.name}: {self.says}; the lawful way is {self.instead}"

    @property
    def lines(self) -> str:
        """SQL that chooses the lines of the plan that it guards."""
        action = f"d.action = '{self.only}'" if self.only else "TRUE"
        fields = ", ".join(f"'{field}'" for field in self.fields)
        return f"{action} AND (d.action = 'create' OR d.field IN ({fields}))" if fields else action


@cache
def read(path: Path = FILE) -> tuple[Guard, ...]:
    """All guards. Raises ConfigurationWrong."""
    try:
        found = tuple(Guard.model_validate(spec) for spec in yaml.safe_load(path.read_text()) or [])
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see docs/controls.md for the form") from wrong
    known = {file.stem for file in (FILE.parent / "entities").glob("*.yaml")}
    for each in found:
        if unknown := sorted({each.of, *each.needs} - known):
            raise ConfigurationWrong(f"{path.name} {each.name}: no entity {unknown[0]}; use one of {', '.join(sorted(known))}")
    return found


def lay(connection: duckdb.DuckDBPyConnection, told: set[str]) -> None:
    """Make the view of the lines that guards hold. told: the entities that the firm's systems hold."""
    missing = untold(connection, told)
    held = [
        HELD.format(of=each.of, role=each.role, lines=each.lines, holds=each.holds, says="'" + each.reason.replace("'", "''") + "'")
        for each in read()
        if not missing[each]
    ]
    connection.execute(ROLE)
    connection.execute(GUARDED.format(held=" UNION ALL ".join(held) or NOTHING))


def untold(connection: duckdb.DuckDBPyConnection, told: set[str]) -> dict[Guard, list[str]]:
    """What each guard rests on and no system of the firm tells: entities, or fields of its own one. Without these it can't hold."""
    found = {}
    for each in read():
        missing = sorted({each.of, *each.needs} - told)
        if not missing and each.reads:
            held = {column[0] for column in connection.execute(f"SELECT * FROM golden.{each.of} LIMIT 0").description}
            missing = sorted(f"{each.of}.{name}" for name in each.reads - held)
        found[each] = missing
    return found


def told(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The entities that the firm's systems hold: those with golden records. Not asked of information_schema, which would bind every view."""
    rows = connection.execute(
        """SELECT table_name FROM duckdb_tables() WHERE schema_name = 'golden' AND database_name = current_database()
        UNION ALL SELECT view_name FROM duckdb_views() WHERE schema_name = 'golden' AND database_name = current_database()"""
    ).fetchall()
    return {name for (name,) in rows} & entity.all_entities().keys()


def columns(of: str) -> frozenset[str]:
    """The columns of an entity's records that guards rest on."""
    return frozenset(
        name.removesuffix("_id") + "_ref" if name.endswith("_id") else name for each in read() if each.of == of for name in each.reads
    )
