"""All rules that a firm lives by, read once: its systems, the entities they hold, and who owns what."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub import entity, expectation, firm, mapping, matching, ownership


@dataclass(frozen=True)
class Rules:
    """The rules of one firm. `entities` are those that at least one of its systems holds, in order of reference."""

    systems: tuple[mapping.System, ...]
    entities: dict[str, entity.Entity]
    ownership: dict[str, ownership.Ownership]
    expectations: tuple[expectation.Agreement, ...]
    identity: Path  # the firm's own folder of matchings; it need not exist

    def objects(self, of: str) -> list[tuple[mapping.System, mapping.Object]]:
        """The objects, of all systems, that hold an entity."""
        return [(system, each) for system in self.systems for each in system.objects.values() if each.of == of]

    def roles(self, of: str) -> list[str]:
        """The roles of the systems that hold an entity."""
        return list(dict.fromkeys(system.role for system, _ in self.objects(of)))

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


@cache
def of(project: str) -> Rules:
    """The rules of the firm in this project folder. Raises ConfigurationWrong."""
    the_firm = firm.read(Path(project))
    systems = tuple(member.system for member in the_firm.systems.values())
    held = {each.of for system in systems for each in system.objects.values()}
    entities = {name: known for name, known in entity.all_entities().items() if name in held}
    return Rules(systems, entities, ownership.read(the_firm.ownership), expectation.read_all(), the_firm.folder / "identity")


def version(project: str) -> str:
    """Changes with any rule; tables built under another version are built anew."""
    rules = of(project)
    parts = [
        *(system.model_dump_json() for system in rules.systems),
        *(each.model_dump_json() for each in rules.entities.values()),
        *(owner.model_dump_json() for owner in rules.ownership.values()),
        *(each.model_dump_json() for each in rules.expectations),
        *(rules.matching(name).model_dump_json() + str(rules.matching(name).key_sql()) for name in rules.entities),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
