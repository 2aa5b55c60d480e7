"""One rule of the contract between the systems: who owns a field, for which records and on which days, and who must carry it."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field as Setting, model_validator

FURTHEST = "furthest"  # not a role: the value that is furthest in the entity's life cycle
LEGAL_ENTITY = "legal_entity"  # the field by which `in` picks a rule, or a system
ELSEWHERE = "elsewhere"  # not a legal entity: any that no other rule names, and none
By = Literal["source order", "recency", "completeness", "agreement", "longest valid"]
LISTS = ("else", "while", "in", "mirror", "create")


class Bound(BaseModel):
    """What bounds a rule: our legal entities, and days, half open."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    legal_entities: tuple[str, ...] = Setting((), alias="in")  # none: all of them
    starts: date | None = Setting(None, alias="from")
    ends: date | None = Setting(None, alias="until")

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return {name: [each] if name in LISTS and isinstance(each, str) else each for name, each in value.items()}

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which it begins and ends to hold."""
        return tuple(day for day in (self.starts, self.ends) if day)

    @property
    def during(self) -> str:
        """For which records it holds, in words; nothing when for all."""
        return f" {ELSEWHERE}" if self.is_elsewhere else f" in {' or '.join(self.legal_entities)}" if self.legal_entities else ""

    def runs(self, day: date) -> bool:
        return (not self.starts or self.starts <= day) and (not self.ends or day < self.ends)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it holds for the legal entities that no rule beside it names, and for none."""
        return self.legal_entities == (ELSEWHERE,)

    def covers(self, legal_entity: str | None, named: Iterable[str]) -> bool:
        """Whether it is a rule of this legal entity. named: all that the rules beside it name."""
        return not self.legal_entities or (legal_entity not in named if self.is_elsewhere else legal_entity in self.legal_entities)


def legal_entities(rules: Iterable[Bound]) -> tuple[str, ...]:
    """The legal entities that rules name, in order."""
    return tuple(sorted({each for rule in rules for each in rule.legal_entities} - {ELSEWHERE}))


class Rule(Bound):
    """Who owns a field in some life-cycle states, who stands in for it, what decides between equals, and who must mirror it."""

    owner: str
    stand_ins: tuple[tuple[str, ...], ...] = Setting((), alias="else")  # in order; those in one list are equal
    by: By = "source order"
    states: tuple[str, ...] = Setting((), alias="while")  # none: always
    mirror: tuple[str, ...] = ()
    conflict: Literal["put back", "raise"] = "put back"  # what becomes of a mirror that somebody changed

    @model_validator(mode="before")
    @classmethod
    def _one_stands_in(cls, value: Any) -> Any:
        said = value.get("else") or []
        return value | {"else": [[each] if isinstance(each, str) else each for each in ([said] if isinstance(said, str) else said)]}

    def is_of(self, state: str | None, legal_entity: str | None, named: Iterable[str]) -> bool:
        """Whether it is a rule of a record in this state of the life cycle and this legal entity of ours."""
        return (not self.states or state in self.states) and self.covers(legal_entity, named)

    @property
    def is_furthest(self) -> bool:
        return self.owner == FURTHEST

    @property
    def otherwise(self) -> tuple[str, ...]:
        """All that stand in, in order."""
        return tuple(role for equals in self.stand_ins for role in equals)

    @property
    def order(self) -> tuple[str, ...]:
        return (self.owner, *self.otherwise)

    @property
    def ranks(self) -> dict[str, int]:
        """Whom to believe before whom, {role: 0 for the owner, 1 for the first that stand in …}."""
        return {role: rank for rank, equals in enumerate(((self.owner,), *self.stand_ins)) for role in equals}

    @property
    def during(self) -> str:
        return (f" while {' or '.join(self.states)}" if self.states else "") + super().during

    @property
    def chooses(self) -> tuple:
        """Everything that the choice of the surviving value rests on."""
        return self.owner, self.stand_ins, self.by, self.states, self.legal_entities, self.starts, self.ends


class Posted(BaseModel):
    """When a record may not be written any more, and what to do instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ledger: str  # the role that keeps the posted record
    immutable: str  # SQL on its record, beginning with a field
    instead: str
