"""All rules that a firm lives by, read once: its systems, the entities they hold, and who owns what."""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from hub import cutover, entity, expectation, firm, mapping, matching, ownership
from hub.cutover import Play
from hub.errors import ConfigurationWrong


@dataclass(frozen=True)
class Rules:
    """The rules of one firm on one day. `entities` are those that at least one of its systems holds, in order of reference."""

    systems: tuple[mapping.System, ...]
    entities: dict[str, entity.Entity]
    ownership: dict[str, ownership.Ownership]
    cutover: dict[str, tuple[Play, ...]]
    day: date
    expectations: tuple[expectation.Agreement, ...]
    identity: Path  # the firm's own folder of matchings; it need not exist

    def objects(self, of: str) -> list[tuple[mapping.System, mapping.Object]]:
        """The objects, of all systems, that hold an entity."""
        return [(system, each) for system in self.systems for each in system.objects.values() if each.of == of]

    def roles(self, of: str) -> list[str]:
        """The roles of the systems that hold an entity."""
        return list(dict.fromkeys(system.role for system, _ in self.objects(of)))

    def cut(self, of: str) -> dict[str, tuple[Play, ...]]:
        """The roles that several systems play for an entity, each for some of its records."""
        several = {role: {system.system for system, _ in self.objects(of) if system.role == role} for role in self.cutover}
        return {role: lines for role, lines in self.cutover.items() if len(several[role]) > 1}

    def is_resolved(self, of: str) -> bool:
        """Whether records of an entity are matched by evidence; otherwise their own number is their identity."""
        return bool(self.entities[of].identity.evidence)

    def is_matched(self, of: str) -> bool:
        """Whether records of an entity are compared: to link them, or only to ask where their number does not tell."""
        return self.is_resolved(of) or bool(self.entities[of].identity.fallback)

    def matching(self, of: str) -> matching.Matching:
        """How records of an entity are matched: as far as they have the columns, and each thing about once in each object."""
        how = matching.read(of, self.identity)
        how = how.of({*self.entities[of].columns(), *self.around(of)})
        return how.model_copy(update={"copies": len(self.objects(of)) - 1})

    def around(self, of: str) -> dict[str, list[tuple[str, str, str]]]:
        """{key: (entity, its column, its reference to `of`)} of what refers to records of an entity and is evidence for them."""
        found = {}
        for key, known in matching.read(of, self.identity).around.items():
            held = [
                (name, column, field) for name, column in known.items() if name in self.entities for field in self._references(name, of)
            ]
            found |= {key: held} if held else {}
        return found

    def _references(self, name: str, to: str) -> list[str]:
        return [field for field, each in self.entities[name].fields.items() if each.to == to]

    def owner(self, of: str) -> ownership.Ownership:
        return self.ownership.get(of) or ownership.Ownership(believe=tuple(self.roles(of)))


def of(project: str) -> Rules:
    """The rules of the firm in this project folder, as they hold today (UTC). Raises ConfigurationWrong."""
    return on_day(project, datetime.now(UTC).date())


@cache
def on_day(project: str, day: date) -> Rules:
    """The rules as they hold on a day."""
    the_firm = firm.read(Path(project))
    systems = tuple(member.system for member in the_firm.systems.values())
    held = {each.of for system in systems for each in system.objects.values()}
    entities = {name: known for name, known in entity.all_entities().items() if name in held}
    contract = ownership.read(the_firm.ownership)
    found = Rules(
        systems,
        entities,
        contract.in_force(day),
        contract.cutover,
        contract.as_of or day,
        expectation.read_all(),
        the_firm.folder / "identity",
    )
    _prove_destinations(found)
    return found


COMPILED: dict[str, Rules] = {}  # by version: what this process compiles models under


def under(version: str) -> Rules:
    """The rules that models of this version are compiled under; those of CONCORD_PROJECT for SQLMesh's own commands, which know no version."""
    return COMPILED.get(version) or of(os.environ.get("CONCORD_PROJECT", "."))


def _prove_destinations(rules: Rules) -> None:
    """Nothing, where each record has one system of a role to go to. Raises ConfigurationWrong."""
    for role, lines in rules.cutover.items():
        if unknown := sorted({line.system for line in lines} - {system.system for system in rules.systems if system.role == role}):
            raise ConfigurationWrong(
                f"cutover {role}: no system {unknown[0]} plays {role}; name one of concord.yaml, or leave the line out"
            )
    for of, known in rules.entities.items():
        owner = rules.owner(of)
        for role in rules.roles(of):
            holding = list(dict.fromkeys(system.system for system, _ in rules.objects(of) if system.role == role))
            if role in rules.cutover:
                cutover.prove_for(role, rules.cutover[role], known, owner, set(holding))
            elif role in owner.must_exist and len(holding) > 1:
                raise ConfigurationWrong(
                    f"ownership.yaml {of}: one that {role} must hold has two destinations: {', '.join(holding)}; "
                    f"say under `cutover` which of them plays {role} for which records"
                )


def version(project: str, day: date | None = None) -> str:
    """Changes with any rule, and on a day on which one begins or ends to hold; tables built under another version are built anew."""
    rules = on_day(project, day) if day else of(project)
    parts = [
        *(system.model_dump_json() for system in rules.systems),
        *(each.model_dump_json() for each in rules.entities.values()),
        *(owner.model_dump_json() for owner in rules.ownership.values()),
        *(f"{role} {line.model_dump_json()} {line.runs(rules.day)}" for role, lines in rules.cutover.items() for line in lines),
        *(each.model_dump_json() for each in rules.expectations),
        *(rules.matching(name).model_dump_json() + str(rules.matching(name).key_sql()) for name in rules.entities),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
